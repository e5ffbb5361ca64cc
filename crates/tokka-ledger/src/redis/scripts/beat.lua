-- An instance says that it lives, and hears how the shard is. While a shard recovers, it says with it what it knows.
--
-- KEYS  head
-- ARGV  (head) layout, store, shards, mode; instance, number of its last batch that was acknowledged, what: 'beat' = it lives,
--       'settle' = in this epoch it has brought back all that is not held, 'report' = all that it knew, 'ask' = it only asks;
--       epoch; milliseconds that a recovery lasts at most; the highest epoch and the highest admitted revision that it has
--       seen
--
-- Returns epoch, time, state, round, the number of its last batch as the shard has it, the last epoch that it has reported
-- in, 1 where holds may come back, 1 where the shard may be opened, then pairs of an epoch that ended and its last position that is left (while the
-- instance may need them).
local instance, acknowledged, what = ARGV[5], ARGV[6], ARGV[7]

local function read()
  local fields = redis.call('HGETALL', HEAD)
  local all = {}
  for i = 1, #fields, 2 do all[fields[i]] = fields[i + 1] end
  all.known, all.reported = all['i:' .. instance], all['m:' .. instance] or '0'
  return all
end

local all = read()
-- The server is the one that wrote last, and yet something is gone: it was another one's replica in between.
if what == 'beat' and all.state == 'open' and all.reported == epoch and all.known and below(all.known, acknowledged) then
  lose()
  all = read()
end
-- Somebody has seen a later epoch than this one, of a server whose clock was ahead: this history comes after it.
if all.state ~= 'open' and below(epoch, ARGV[10]) then
  redis.call('HSET', HEAD, 'survived:' .. epoch, head[5], 'epoch', string.format('%.0f', tonumber(ARGV[10]) + 1))
  all = read()
  epoch = all.epoch
end

if what ~= 'ask' then
  redis.call('HSET', HEAD, 'b:' .. instance, now)
  all['b:' .. instance] = now
  -- Who has written nothing yet has nothing to bring back, and is noted, so that also the loss of all that follows is
  -- found.
  if not all.known and acknowledged == '0' then
    redis.call('HSET', HEAD, 'i:' .. instance, '0', 'm:' .. instance, epoch)
    all = read()
  end
end
if what == 'settle' and ARGV[8] == epoch then
  redis.call('HSET', HEAD, 's:' .. instance, ARGV[8])
  all['s:' .. instance] = ARGV[8]
end
if what == 'report' and ARGV[8] == epoch then
  redis.call('HSET', HEAD, 'm:' .. instance, ARGV[8])
  if not all.known or below(all.known, acknowledged) then redis.call('HSET', HEAD, 'i:' .. instance, acknowledged) end
  if below(admits, ARGV[11]) then redis.call('HSET', HEAD, 'admits', ARGV[11]) end
  all = read()
end

-- What is only held comes back last, so that it finds the room that others' returns have made.
local settled, ready = 1, 0
if all.state == 'recovering' then
  ready = 1
  -- Everybody who lived when the old server was last written to, as far as this one heard of it, and whoever came since.
  for field, at in pairs(all) do
    local other = string.match(field, '^b:(.+)$')
    if other and tonumber(at) >= tonumber(all.lived) and all['m:' .. other] ~= epoch then
      ready = 0
      if all['s:' .. other] ~= epoch then settled = 0 end
    end
  end
  local lasts = tonumber(now) - tonumber(all.since)
  if 2 * lasts >= tonumber(ARGV[9]) then settled = 1 end
  if lasts >= tonumber(ARGV[9]) then ready = 1 end
else
  -- Who was not heard of for long is gone.
  for field, at in pairs(all) do
    local other = string.match(field, '^b:(.+)$')
    if other and tonumber(now) - tonumber(at) > 600000 then
      redis.call('HDEL', HEAD, 'b:' .. other, 'i:' .. other, 's:' .. other, 'm:' .. other)
    end
  end
end

local out = {epoch, now, all.state, all.round, all.known or '0', all.reported, settled, ready}
if what == 'ask' or all.reported ~= epoch then
  for field, position in pairs(all) do
    local ended = string.match(field, '^survived:(%d+)$')
    if ended then
      out[#out + 1] = ended
      out[#out + 1] = position
    end
  end
end
return out
