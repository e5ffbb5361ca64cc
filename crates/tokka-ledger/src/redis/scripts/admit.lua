-- Raises the lowest catalogue revision that holds are admitted at. It never falls.
--
-- KEYS  head
-- ARGV  (head) layout, store, shards, mode; revision
--
-- Returns the one in force.
if below(admits, ARGV[5]) then
  admits = ARGV[5]
  redis.call('HSET', HEAD, 'admits', admits)
end
return admits
