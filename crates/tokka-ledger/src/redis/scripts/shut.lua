-- Is this shard as it was made, or half restored? Then it is closed until it is whole.
--
-- KEYS  head
-- ARGV  (head) layout, store, shards, mode
--
-- Returns epoch, time, 'shut' if it is closed now, 'closed' if it was before, 'used' if it stays open.
if head[9] == 'restoring' then return {epoch, now, 'closed'} end
if last > 0 then return {epoch, now, 'used'} end
redis.call('HSET', HEAD, 'state', 'restoring', 'survived:0', '0')
return {epoch, now, 'shut'}
