-- Brings a record back that has aged, if nothing has changed since that was decided.
--
-- KEYS  head, record, ages, aged, stub
-- ARGV  (head) layout, store, shards, mode; stub as it was read ('' = none), stamp and body, score, id; then by counter: name,
--       amount that is no longer aged
--
-- Returns 1 if it is back.
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
if (redis.call('GET', KEYS[5]) or '') ~= ARGV[5] then return 0 end
for i = 9, #ARGV, 2 do
  if tonumber(redis.call('HGET', KEYS[4], ARGV[i]) or '0') < tonumber(ARGV[i + 1]) then return 0 end
end
for i = 9, #ARGV, 2 do
  if redis.call('HINCRBY', KEYS[4], ARGV[i], '-' .. ARGV[i + 1]) == 0 then redis.call('HDEL', KEYS[4], ARGV[i]) end
end
redis.call('SET', KEYS[2], ARGV[6])
redis.call('ZADD', KEYS[3], ARGV[7], ARGV[8])
return 1
