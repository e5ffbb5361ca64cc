-- What does the log hold after a place?
--
-- KEYS  head, log
-- ARGV  (head) layout, store, shards, mode; log_max, epoch of the place ('' = from where it begins), its position, at most how many
--
-- Returns 'gap' or 'ok'; epoch and position that it goes on from; then entries as {position-0, {'e', bytes}}.
local log_max = tonumber(ARGV[5])
local from = math.max(start, last - log_max)
local at_epoch, at = ARGV[6], tonumber(ARGV[7])
if at_epoch == '' then
  at = from
elseif tonumber(at_epoch) < tonumber(epoch) then
  -- What the place names may have been lost: what is left of its epoch ends before.
  local left = redis.call('HGET', HEAD, 'survived:' .. at_epoch)
  at = left and math.min(at, tonumber(left)) or -1
elseif at_epoch ~= epoch or at > last then
  at = -1
end
if at < from then return {'gap', epoch, string.format('%.0f', from)} end
local out = {'ok', epoch, string.format('%.0f', at)}
if ARGV[8] ~= '0' then
  local entries = redis.call('XRANGE', KEYS[2], string.format('(%.0f-0', at), '+', 'COUNT', ARGV[8])
  for i = 1, #entries do out[#out + 1] = entries[i] end
end
return out
