-- Corrects what a bank has granted to what the shards have, if it still stands as it was when they were added up.
--
-- KEYS  head, bank
-- ARGV  (head) layout, store, shards, mode; granted as it was ('' = nothing), number of the last transfer then, what it is in truth
--
-- Returns 1 if it stands.
if (redis.call('HGET', KEYS[2], 'granted') or '') ~= ARGV[5] then return 0 end
if (redis.call('HGET', HEAD, 'transfers') or '0') ~= ARGV[6] then return 0 end
redis.call('HSET', KEYS[2], 'granted', ARGV[7])
return 1
