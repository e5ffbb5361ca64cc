-- An instance says that it lives, and hears how the shard is. While a shard recovers, it says with it what it knows.
--
-- KEYS  head
-- ARGV  (head) layout, store, shards, mode; instance, number of its last batch that was acknowledged, what: 'beat' = it lives,
--       'report' = it has brought back what it knew of this round; round; milliseconds that a recovery lasts at most
--
-- Returns epoch, time, state, round, the number of its last batch as the shard has it, the last round that it has reported
-- in, 1 where the shard may be opened, then pairs of an epoch that ended and its last position that is left.
local instance, what = ARGV[5], ARGV[7]
local fields = redis.call('HGETALL', HEAD)
local all = {}
for i = 1, #fields, 2 do all[fields[i]] = fields[i + 1] end

redis.call('HSET', HEAD, 'b:' .. instance, now)
all['b:' .. instance] = now
if what == 'report' and ARGV[8] == all['round'] then
  redis.call('HSET', HEAD, 'm:' .. instance, ARGV[8], 'i:' .. instance, ARGV[6])
  all['m:' .. instance] = ARGV[8]
end

local ready = 0
if all['state'] == 'recovering' then
  ready = 1
  -- Everybody who lived when it began, as far as the shard heard of it.
  local lived = tonumber(all['since']) - 3000
  for field, at in pairs(all) do
    local other = string.match(field, '^b:(.+)$')
    if other and tonumber(at) >= lived and all['m:' .. other] ~= all['round'] then ready = 0 end
  end
  if tonumber(now) - tonumber(all['since']) >= tonumber(ARGV[9]) then ready = 1 end
else
  -- Who was not heard of for long is gone.
  for field, at in pairs(all) do
    local other = string.match(field, '^b:(.+)$')
    if other and tonumber(now) - tonumber(at) > 600000 then
      redis.call('HDEL', HEAD, 'b:' .. other, 'i:' .. other, 'm:' .. other)
    end
  end
end

local out = {epoch, now, all['state'], all['round'], all['i:' .. instance] or '0', all['m:' .. instance] or '0', ready}
for field, position in pairs(all) do
  local ended = string.match(field, '^survived:(%d+)$')
  if ended then
    out[#out + 1] = ended
    out[#out + 1] = position
  end
end
return out
