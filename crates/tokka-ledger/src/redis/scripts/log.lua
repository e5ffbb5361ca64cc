-- What does the log hold after a place?
--
-- KEYS  head, log
-- ARGV  (head) layout, store, shards, mode; log_max, epoch of the place ('' = from where it begins), its position, at most how many
--
-- Returns 'gap' or 'ok'; epoch and position that it goes on from; then of each entry position and bytes.
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
local left = tonumber(ARGV[8])
while left > 0 do
  -- Each has the entries of a batch, and the id of the last of them.
  local batches = redis.call('XRANGE', KEYS[2], string.format('(%.0f-0', at), '+', 'COUNT', math.min(left, 64))
  if #batches == 0 then break end
  for _, batch in ipairs(batches) do
    local fields = batch[2]
    local position = tonumber(string.match(batch[1], '^%d+')) - #fields / 2
    for i = 2, #fields, 2 do
      position = position + 1
      if position > at and left > 0 then
        left, at = left - 1, position
        out[#out + 1] = string.format('%.0f', position)
        out[#out + 1] = fields[i]
      end
    end
  end
end
return out
