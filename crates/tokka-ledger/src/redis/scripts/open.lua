-- What was lost is brought back, as far as it will be: the shard is open again.
--
-- KEYS  head
-- ARGV  (head) layout, store, shards, mode; epoch
--
-- Returns 1, or 0 where it is open already, or another recovery has begun meanwhile.
if head[9] == 'open' or epoch ~= ARGV[5] then return 0 end
redis.call('HSET', HEAD, 'state', 'open')
return 1
