-- What stands under these keys? All of them as they are at one moment.
--
-- KEYS  head; then strings
-- ARGV  (head) layout, store, shards, mode
--
-- Returns epoch, time, end of the log, state, admitted revision, then the values.
local out = {epoch, now, head[5], head[9], admits}
local values = #KEYS - 1
local at = 1
while at <= values do
  local found = redis.call('MGET', unpack(KEYS, at + 1, math.min(at + 1000, values + 1)))
  for i = 1, #found do out[#out + 1] = found[i] end
  at = at + 1000
end
return out
