-- Last step of a transfer: it is no longer on its way.
--
-- KEYS  head, transfers sent
-- ARGV  (head) layout, store, shards, mode; shard that it went to, the transfer
--
-- Returns 1, or 0 where somebody was quicker.
if redis.call('HGET', KEYS[2], ARGV[5]) ~= ARGV[6] then return 0 end
return redis.call('HDEL', KEYS[2], ARGV[5])
