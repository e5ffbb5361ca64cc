-- Makes the root of a store where there is none yet: what it is called and how many shards it has, for whoever opens it. It
-- lies in a slot of its own, and has no head.
--
-- KEYS  root
-- ARGV  layout, store, shards
--
-- Returns layout, store and shards as they stand now.
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'layout', ARGV[1], 'store', ARGV[2], 'shards', ARGV[3])
end
return redis.call('HMGET', KEYS[1], 'layout', 'store', 'shards')
