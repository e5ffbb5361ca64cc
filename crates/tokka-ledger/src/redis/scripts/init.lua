-- Makes the head of a shard where there is none. There is no head to begin with, so that this one script stands alone.
--
-- KEYS  head, transfers received
-- ARGV  layout, store, shards, shard, state: 'open' = it is new, 'restoring' = it was lost, and what it held comes back; then
--       by other shard: its number, epoch and number of the last transfer that may have arrived here before
--
-- Of a shard that was lost all places of earlier epochs are gone: what its receipts say comes back by them.
--
-- Returns layout, store, shards and shard as they stand now.
if redis.call('EXISTS', KEYS[1]) == 0 then
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  local clock = redis.call('TIME')
  local now = clock[1] .. string.format('%03d', math.floor(clock[2] / 1000))
  redis.call('HSET', KEYS[1], 'layout', ARGV[1], 'store', ARGV[2], 'shards', ARGV[3], 'shard', ARGV[4],
    'epoch', new_epoch(now, run, '0'), 'end', '0', 'start', '0', 'admits', '0', 'run', run, 'state', ARGV[5], 'round', '0')
  if ARGV[5] == 'restoring' then redis.call('HSET', KEYS[1], 'survived:0', '0') end
  for i = 6, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
end
return redis.call('HMGET', KEYS[1], 'layout', 'store', 'shards', 'shard')
