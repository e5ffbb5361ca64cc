-- Makes a shard where there is none yet. It has no head to begin with, so that this one script stands alone.
--
-- KEYS  head
-- ARGV  layout, store, shards, shard
--
-- Returns layout, store, shards and shard as they stand now.
if redis.call('EXISTS', KEYS[1]) == 0 then
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  redis.call('HSET', KEYS[1], 'layout', ARGV[1], 'store', ARGV[2], 'shards', ARGV[3], 'shard', ARGV[4], 'epoch', '1',
    'end', '0', 'start', '0', 'admits', '0', 'run', run, 'state', 'open', 'round', '0')
end
return redis.call('HMGET', KEYS[1], 'layout', 'store', 'shards', 'shard')
