-- First step of a transfer: what it moves leaves this shard, and is noted as on its way under an id.
--
-- KEYS  head, transfers sent, counter, grant, bank, changed
-- ARGV  (head) layout, store, shards, mode; shard that it goes to, own number, what: 'grant' (the bank lets a shard sell
--       more), 'move' (of what this shard may sell), 'recall' (likewise, back to the bank); counter, at least, limit, and the
--       revision that it is of (0 = none)
--
-- One transfer is open between two shards at a time, so that the other side knows by one number which it has had. Where a
-- shard gives to itself all is done at once.
--
-- Returns {'open', transfer} where one has to be finished before, {'none'}, {'stale', revision} where only an older revision
-- would let more be sold, {'done', amount}, or {'sent', transfer}.
local to, own, what, counter, least = ARGV[5], ARGV[6], ARGV[7], ARGV[8], tonumber(ARGV[9])
local open = to ~= own and redis.call('HGET', KEYS[2], to)
if open then return {'open', open} end

local bank = redis.call('HMGET', KEYS[5], 'granted', 'frozen', 'revision', 'limit')
local frozen = bank[2]
local free, newer
if what == 'grant' then
  local limit = tonumber(ARGV[10])
  -- Whoever knows a newer revision may sell by its limit already: an older one lets no more be granted than that.
  if ARGV[11] ~= '0' and bank[3] and below(ARGV[11], bank[3]) and tonumber(bank[4]) < limit then
    limit, newer = tonumber(bank[4]), bank[3]
  end
  free = frozen and 0 or limit - tonumber(bank[1] or '0')
else
  free = tonumber(frozen or redis.call('GET', KEYS[4]) or '0') - tonumber(redis.call('GET', KEYS[3]) or '0')
end
if free <= 0 then
  if newer then return {'stale', newer} end
  return {'none'}
end
-- More than is needed, while there is much: the next buyers find it there. Of the last pieces only what is needed.
local amount = least
if what == 'grant' then
  amount = math.max(least, math.floor(free / (2 * tonumber(ARGV[3]))))
elseif what == 'move' then
  amount = math.max(least, math.floor(free / 2))
end
amount = string.format('%.0f', math.min(amount, free))

local function allot(by)
  if frozen then
    redis.call('HINCRBY', KEYS[5], 'frozen', by)
  elseif redis.call('INCRBY', KEYS[4], by) == 0 then
    redis.call('DEL', KEYS[4])
  end
end

redis.call('HINCRBY', KEYS[5], 'changes', 1)
redis.call('ZADD', KEYS[6], now, counter)
-- What changed long ago has reached every replica: a loss does not touch it.
local old = redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', string.format('%.0f', tonumber(now) - 600000), 'LIMIT', 0, 4)
if #old > 0 then redis.call('ZREM', KEYS[6], unpack(old)) end
if what == 'grant' then
  redis.call('HINCRBY', KEYS[5], 'granted', amount)
else
  allot('-' .. amount)
end
if to == own then
  if what == 'recall' then redis.call('HINCRBY', KEYS[5], 'granted', '-' .. amount) else allot(amount) end
  return {'done', amount}
end
local number = redis.call('HINCRBY', HEAD, 'transfers', 1)
local transfer = table.concat({epoch, string.format('%.0f', number), what, amount, counter}, ' ')
redis.call('HSET', KEYS[2], to, transfer)
return {'sent', transfer}
