-- Has this document the version that its writer read? Then it is written.
--
-- KEYS  head, document
-- ARGV  (head) layout, store, shards, mode; version ('0' = it must not exist), bytes
--
-- Returns time, 1 or 0, the version that stands now, and the bytes where it was not written.
local stored = redis.call('GET', KEYS[2])
local version = stored and struct.unpack('>I8', stored) or 0
if version ~= tonumber(ARGV[5]) then
  return {now, 0, string.format('%.0f', version), stored and string.sub(stored, 9)}
end
redis.call('SET', KEYS[2], struct.pack('>I8', version + 1) .. ARGV[6])
return {now, 1, string.format('%.0f', version + 1)}
