-- How does a shared counter stand in this shard?
--
-- KEYS  head, counter, grant, bank, transfers sent
-- ARGV  (head) layout, store, shards, mode
--
-- Returns used, granted, what its bank has granted in all (nothing where this shard is not its bank), the number of the last
-- transfer that went out, then every transfer that is open, with the shard that it goes to.
local out = {
  redis.call('GET', KEYS[2]) or '0',
  redis.call('GET', KEYS[3]) or '0',
  redis.call('HGET', KEYS[4], 'granted'),
  redis.call('HGET', HEAD, 'transfers') or '0',
}
local open = redis.call('HGETALL', KEYS[5])
for i = 1, #open do out[4 + i] = open[i] end
return out
