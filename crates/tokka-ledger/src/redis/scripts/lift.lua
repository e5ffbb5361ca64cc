-- May this shard sell at least what it has sold? After a loss records come back, whether or not their share did.
--
-- KEYS  head, counter, grant, bank, changed
-- ARGV  (head) layout, store, shards, mode; counter
--
-- Returns 1 where it was less.
local used, frozen = redis.call('GET', KEYS[2]) or '0', redis.call('HGET', KEYS[4], 'frozen')
if tonumber(used) <= tonumber(frozen or redis.call('GET', KEYS[3]) or '0') then return 0 end
if frozen then
  redis.call('HSET', KEYS[4], 'frozen', used)
else
  redis.call('SET', KEYS[3], used)
end
redis.call('HINCRBY', KEYS[4], 'changes', 1)
redis.call('ZADD', KEYS[5], now, ARGV[5])
return 1
