-- First step of a transfer: what it moves leaves this shard, and is noted as on its way under an id.
--
-- KEYS  head, transfers sent, counter, grant, bank
-- ARGV  (head) layout, store, shards, mode; shard that it goes to, own number, what: 'grant' (the bank lets a shard sell
--       more), 'move' (of what this shard may sell), 'recall' (likewise, back to the bank); counter, at least, limit
--
-- One transfer is open between two shards at a time, so that the other side knows by one number which it has had. Where a
-- shard gives to itself all is done at once.
--
-- Returns {'open', transfer} where one has to be finished before, {'none'}, {'done', amount}, or {'sent', transfer}.
local to, own, what, counter, least = ARGV[5], ARGV[6], ARGV[7], ARGV[8], tonumber(ARGV[9])
local open = to ~= own and redis.call('HGET', KEYS[2], to)
if open then return {'open', open} end

local free
if what == 'grant' then
  free = tonumber(ARGV[10]) - tonumber(redis.call('HGET', KEYS[5], 'granted') or '0')
else
  free = tonumber(redis.call('GET', KEYS[4]) or '0') - tonumber(redis.call('GET', KEYS[3]) or '0')
end
if free <= 0 then return {'none'} end
-- More than is needed, while there is much: the next buyers find it there. Of the last pieces only what is needed.
local amount = least
if what == 'grant' then
  amount = math.max(least, math.floor(free / (2 * tonumber(ARGV[3]))))
elseif what == 'move' then
  amount = math.max(least, math.floor(free / 2))
end
amount = string.format('%.0f', math.min(amount, free))

if what == 'grant' then
  redis.call('HINCRBY', KEYS[5], 'granted', amount)
else
  redis.call('DECRBY', KEYS[4], amount)
end
if to == own then
  if what == 'grant' then redis.call('INCRBY', KEYS[4], amount) end
  if what == 'move' then redis.call('INCRBY', KEYS[4], amount) end
  if what == 'recall' then redis.call('HINCRBY', KEYS[5], 'granted', '-' .. amount) end
  return {'done', amount}
end
local number = redis.call('HINCRBY', HEAD, 'transfers', 1)
local transfer = table.concat({epoch, string.format('%.0f', number), what, amount, counter}, ' ')
redis.call('HSET', KEYS[2], to, transfer)
return {'sent', transfer}
