-- Which records are due by the server's clock? Nothing is changed but whose turn it is to look.
--
-- KEYS  head, deadlines or ages
-- ARGV  (head) layout, store, shards, mode; at most how many, instance ('' = out of turn), milliseconds that a turn lasts
--
-- Returns time, then ids, the oldest first. Where another instance has its turn there are none: a turn spares the others
-- the work and protects nothing.
if ARGV[6] ~= '' then
  local turn = redis.call('HMGET', HEAD, 'sweeper', 'sweeper_until')
  if turn[1] and turn[1] ~= ARGV[6] and tonumber(turn[2]) > tonumber(now) then return {now} end
  redis.call('HSET', HEAD, 'sweeper', ARGV[6], 'sweeper_until', string.format('%.0f', tonumber(now) + tonumber(ARGV[7])))
end
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[5])
table.insert(due, 1, now)
return due
