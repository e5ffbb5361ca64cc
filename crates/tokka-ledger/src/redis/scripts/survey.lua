-- How does a shared counter stand in this shard?
--
-- KEYS  head, counter, grant, bank, transfers sent
-- ARGV  (head) layout, store, shards, mode
--
-- Returns epoch, used, granted, 1 where it is frozen, how often its allotment has changed here, what its bank has granted in
-- all and the revision and limit that bind it ('' where none does, or where this shard is not its bank), then every transfer
-- that is open, with the shard that it goes to.
local bank = redis.call('HMGET', KEYS[4], 'frozen', 'changes', 'granted', 'revision', 'limit')
local out = {
  epoch,
  redis.call('GET', KEYS[2]) or '0',
  bank[1] or redis.call('GET', KEYS[3]) or '0',
  bank[1] and 1 or 0,
  bank[2] or '0',
  bank[3] or '0',
  bank[4] or '0',
  bank[5] or '',
}
local open = redis.call('HGETALL', KEYS[5])
for i = 1, #open do out[8 + i] = open[i] end
return out
