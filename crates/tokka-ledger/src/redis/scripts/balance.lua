-- Corrects what a bank has granted to what the shards have, if it still stands as it was when they were added up.
--
-- KEYS  head, bank
-- ARGV  (head) layout, store, shards, mode; changes as they were, what is granted in truth
--
-- Returns 1 if it stands.
if (redis.call('HGET', KEYS[2], 'changes') or '0') ~= ARGV[5] then return 0 end
redis.call('HSET', KEYS[2], 'granted', ARGV[6])
redis.call('HINCRBY', KEYS[2], 'changes', 1)
return 1
