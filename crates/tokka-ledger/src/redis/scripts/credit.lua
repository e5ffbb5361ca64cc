-- Second step of a transfer: what left the other shard arrives here, once.
--
-- KEYS  head, transfers received, grant, bank, changed
-- ARGV  (head) layout, store, shards, mode; shard that it comes from, its epoch, its number, what, amount, counter. What 'none'
--       brings nothing: no transfer up to this number arrives any more.
--
-- Returns 1, or 0 where it had arrived before.
local before = redis.call('HGET', KEYS[2], ARGV[5])
if before then
  local known_epoch, known = string.match(before, '^(%d+) (%d+)$')
  local of = ARGV[6]
  if below(of, known_epoch) or of == known_epoch and tonumber(ARGV[7]) <= tonumber(known) then return 0 end
end
redis.call('HSET', KEYS[2], ARGV[5], ARGV[6] .. ' ' .. ARGV[7])
if ARGV[8] == 'none' then return 1 end
if ARGV[8] == 'recall' then
  redis.call('HINCRBY', KEYS[4], 'granted', '-' .. ARGV[9])
elseif redis.call('HEXISTS', KEYS[4], 'frozen') == 1 then
  redis.call('HINCRBY', KEYS[4], 'frozen', ARGV[9])
else
  redis.call('INCRBY', KEYS[3], ARGV[9])
end
redis.call('HINCRBY', KEYS[4], 'changes', 1)
redis.call('ZADD', KEYS[5], now, ARGV[10])
return 1
