-- Is this shard as it was made, or half restored? Then it is closed until it is whole.
--
-- KEYS  head
-- ARGV  (head) layout, store, shards, mode
--
-- Returns epoch, time, 1 if it is closed now.
if head[9] == 'open' and last == 0 then redis.call('HSET', HEAD, 'state', 'restoring')
elseif head[9] ~= 'restoring' then return {epoch, now, 0} end
return {epoch, now, 1}
