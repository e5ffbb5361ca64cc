-- Second step of a transfer: what left the other shard arrives here, once.
--
-- KEYS  head, transfers received, grant, bank
-- ARGV  (head) layout, store, shards, mode; shard that it comes from, its epoch, its number, what, amount
--
-- Returns 1, or 0 where it had arrived before.
local before = redis.call('HGET', KEYS[2], ARGV[5])
if before then
  local known_epoch, known = string.match(before, '^(%d+) (%d+)$')
  local of, number = tonumber(ARGV[6]), tonumber(ARGV[7])
  if of < tonumber(known_epoch) or of == tonumber(known_epoch) and number <= tonumber(known) then return 0 end
end
if ARGV[8] == 'recall' then
  redis.call('HINCRBY', KEYS[4], 'granted', '-' .. ARGV[9])
else
  redis.call('INCRBY', KEYS[3], ARGV[9])
end
redis.call('HSET', KEYS[2], ARGV[5], ARGV[6] .. ' ' .. ARGV[7])
return 1
