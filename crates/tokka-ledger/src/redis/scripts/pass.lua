-- How far is this reader? It is registered, or notes that it has passed a place; the log drops what all have passed.
--
-- KEYS  head, readers, log
-- ARGV  (head) layout, store, shards, mode; reader, log_max, log_min, epoch of the place ('' = where the log begins), its position
--
-- Returns 'ok', or 'other' for a place that is none of this store. A reader never goes back.
local log_max, log_min = tonumber(ARGV[6]), tonumber(ARGV[7])
local from = math.max(start, last - log_max)
local at_epoch, at = ARGV[8], tonumber(ARGV[9])
if at_epoch == '' then
  at = from
elseif tonumber(at_epoch) > tonumber(epoch) or at > last and at_epoch == epoch then
  return 'other'
elseif at_epoch ~= epoch then
  local left = redis.call('HGET', HEAD, 'survived:' .. at_epoch)
  if not left then return 'other' end
  at = math.min(at, tonumber(left))
end
local before = redis.call('HGET', KEYS[2], ARGV[5])
if not before or tonumber(before) < at then
  redis.call('HSET', KEYS[2], ARGV[5], string.format('%.0f', at))
end
if head[9] == 'open' then
  local passed = last - log_min
  for _, position in ipairs(redis.call('HVALS', KEYS[2])) do passed = math.min(passed, tonumber(position)) end
  passed = math.max(passed, last - log_max)
  if passed > start then
    redis.call('XTRIM', KEYS[3], 'MINID', string.format('%.0f-0', passed + 1))
    redis.call('HSET', HEAD, 'start', string.format('%.0f', passed))
  end
end
return 'ok'
