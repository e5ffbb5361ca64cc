-- May this shard sell at least what it has sold? After a loss records come back, whether or not their share did.
--
-- KEYS  head, counter, grant
-- ARGV  (head) layout, store, shards, mode
--
-- Returns what it may sell.
local used, granted = redis.call('GET', KEYS[2]) or '0', redis.call('GET', KEYS[3]) or '0'
if tonumber(used) > tonumber(granted) then
  redis.call('SET', KEYS[3], used)
  return used
end
return granted
