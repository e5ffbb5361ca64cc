-- Has this document the version that somebody was told it has, or a later one? Else that one stands again.
--
-- KEYS  head, document
-- ARGV  (head) layout, store, shards, mode; version, bytes
--
-- Returns 1 if it was written.
local stored = redis.call('GET', KEYS[2])
local version = stored and struct.unpack('>I8', stored) or 0
if version >= tonumber(ARGV[5]) then return 0 end
redis.call('SET', KEYS[2], struct.pack('>I8', tonumber(ARGV[5])) .. ARGV[6])
return 1
