-- What was lost is brought back, as far as it will be: the shard is open again.
--
-- KEYS  head
-- ARGV  (head) layout, store, shards, mode; round
--
-- Returns 1, or 0 where another recovery has begun meanwhile.
if redis.call('HGET', HEAD, 'round') ~= ARGV[5] then return 0 end
redis.call('HSET', HEAD, 'state', 'open')
return 1
