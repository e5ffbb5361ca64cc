-- Makes the root of a store where there is none yet: what it is called and how many shards it has, for whoever opens it. It
-- lies in a slot of its own, and has no head.
--
-- KEYS  root
-- ARGV  layout, store, shards; '1' where all of the shards have been made, so that one without its head was lost ('' = not
--       yet); what stores were called whose history this one has, with commas between ('' = as it stands)
--
-- Returns layout, store, shards, '1' where all have been made, and the earlier stores, as they stand now.
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'layout', ARGV[1], 'store', ARGV[2], 'shards', ARGV[3])
end
if redis.call('HGET', KEYS[1], 'store') == ARGV[2] then
  if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'whole', ARGV[4]) end
  if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'formerly', ARGV[5]) end
end
return redis.call('HMGET', KEYS[1], 'layout', 'store', 'shards', 'whole', 'formerly')
