-- Which limit binds a shared counter, at its bank? That of the newest revision that anybody has named, from here on.
--
-- KEYS  head, bank
-- ARGV  (head) layout, store, shards, mode; limit, revision that it is of (0 = none: it binds nobody else)
--
-- Returns what is granted, and the limit that binds who asks.
local bank = redis.call('HMGET', KEYS[2], 'granted', 'revision', 'limit')
local limit, revision = ARGV[5], ARGV[6]
if revision ~= '0' then
  if bank[2] and below(revision, bank[2]) then
    if tonumber(bank[3]) < tonumber(limit) then limit = bank[3] end
  elseif revision ~= bank[2] or limit ~= bank[3] then
    redis.call('HSET', KEYS[2], 'revision', revision, 'limit', limit)
  end
end
return {bank[1] or '0', limit}
