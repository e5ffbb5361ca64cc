-- May this shard sell what it may of a counter, or is more used in all than the limit allows? Frozen, it sells nothing, also
-- not what comes back to it, until it is thawed.
--
-- KEYS  head, grant, bank, changed
-- ARGV  (head) layout, store, shards, mode; counter, changes so far where it is thawed ('' = it is frozen)
--
-- Returns 1, or 0 where it is not thawed because it has changed.
local bank = redis.call('HMGET', KEYS[3], 'frozen', 'changes')
if ARGV[6] == '' then
  if not bank[1] then
    redis.call('HSET', KEYS[3], 'frozen', redis.call('GET', KEYS[2]) or '0')
    redis.call('DEL', KEYS[2])
  end
else
  if (bank[2] or '0') ~= ARGV[6] then return 0 end
  if bank[1] then
    redis.call('HDEL', KEYS[3], 'frozen')
    if bank[1] ~= '0' then redis.call('SET', KEYS[2], bank[1]) end
  end
end
redis.call('HINCRBY', KEYS[3], 'changes', 1)
redis.call('ZADD', KEYS[4], now, ARGV[5])
return 1
