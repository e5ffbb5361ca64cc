-- Is this record still as it was read, and no longer held? Then it goes: what it holds is noted as aged, and it leaves a
-- stub where it had returns.
--
-- KEYS  head, record, ages, aged, stub
-- ARGV  (head) layout, store, shards, mode; stamp, id, stub ('' = none), milliseconds to keep it; then by counter: name, amount
--
-- Returns 1 if it went.
local record = redis.call('GET', KEYS[2])
if not record then
  redis.call('ZREM', KEYS[3], ARGV[6])
  return 0
end
if string.sub(record, 1, 16) ~= ARGV[5] then return 0 end
for i = 9, #ARGV, 2 do redis.call('HINCRBY', KEYS[4], ARGV[i], ARGV[i + 1]) end
if ARGV[7] ~= '' then redis.call('SET', KEYS[5], ARGV[7], 'PX', ARGV[8]) end
redis.call('ZREM', KEYS[3], ARGV[6])
redis.call('DEL', KEYS[2])
return 1
