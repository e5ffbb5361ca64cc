-- Do these changes still stand on what they were computed from? A batch of them, each judged by itself: its records are
-- as its caller saw them and its amounts fit, and it is written; or nothing of it is.
--
-- KEYS  head, deadlines, ages, log; then of each change: records, the customer's own counters, shared counters, their
--       grants; by record its customer's open orders; documents
-- ARGV  (head) layout, store, shards, mode; instance, number of the batch, log_max; then of each change:
--         packed: how many records, own counters, shared counters, documents, each in two bytes; by record what it becomes
--           (see below); the revision in decimal, or nothing where none is asked for
--         by record: the stamp it must have ('' = it must not exist)
--         by counter, own before shared: by how much, limit ('' = give back, whatever is used)
--         by record: body, score, id, entry of the log
--         by document: 'w' and bytes, or 'd' and ''
--
-- A record becomes 'H' newly held, 'h' still held, 'e' held no longer, 'k' neither before nor now; the score is its deadline
-- where it is held, and else when it ages out.
--
-- Amounts are decimal strings that Lua only compares, at most 2 * 10^15 as a sum: exact as doubles.
--
-- Returns epoch, time, then of each change: the position of its first record, or {'b', position, counters below 0},
-- {'r', records as they are}, {'c', used, grants}, {'s', admitted revision}.
local DEADLINES, AGES, LOG = KEYS[2], KEYS[3], KEYS[4]
local k, a, arguments = 4, 7, #ARGV
local wrote = false
-- Lua has no room for more values in one call.
local AT_ONCE = 4000
local epoch_bytes = struct.pack('>I8', tonumber(epoch))
local out = {epoch, now}

local function change()
  local shape = ARGV[a + 1]
  local records, own, shared, documents = struct.unpack('>I2I2I2I2', shape)
  local revision = string.sub(shape, 9 + records)
  local counters = own + shared
  -- Where each part begins: the element before its first.
  local stamps = a + 1
  local amounts = stamps + records
  local bodies = amounts + 2 * counters
  local writes = bodies + 4 * records
  a = writes + 2 * documents
  local keys = k
  local counted = keys + records
  local granted = counted + counters
  local opened = granted + shared
  local written = opened + records
  k = written + documents

  -- Records, then what is used of each counter, then grants.
  local found = {}
  if opened - keys <= AT_ONCE then
    if opened > keys then found = redis.call('MGET', unpack(KEYS, keys + 1, opened)) end
  else
    for from = keys + 1, opened, AT_ONCE do
      local some = redis.call('MGET', unpack(KEYS, from, math.min(from + AT_ONCE - 1, opened)))
      for n = 1, #some do found[#found + 1] = some[n] end
    end
  end
  for i = 1, records do
    local record = found[i]
    if (record and string.sub(record, 1, 16) or '') ~= ARGV[stamps + i] then
      local differs = {'r'}
      for n = 1, records do differs[n + 1] = found[n] end
      return differs
    end
  end
  if revision ~= '' and below(revision, admits) then return {'s', admits} end

  for i = 1, counters do
    local limit = ARGV[amounts + 2 * i]
    if limit ~= '' then
      local after = (tonumber(found[records + i] or 0)) + tonumber(ARGV[amounts + 2 * i - 1])
      if after > tonumber(limit) or i > own and after > tonumber(found[records + shared + i] or 0) then
        local refused = {'c'}
        for n = 1, counters + shared do refused[n + 1] = found[records + n] end
        return refused
      end
    end
  end

  -- From here on nothing fails.
  wrote = true
  local broken
  for i = 1, counters do
    local by = ARGV[amounts + 2 * i - 1]
    if by ~= '0' then
      local after = redis.call('INCRBY', KEYS[counted + i], by)
      if after == 0 then
        redis.call('DEL', KEYS[counted + i])
      elseif after < 0 then
        broken = broken or {'b', last + 1}
        broken[#broken + 1] = i - 1
      end
    end
  end
  local first = last + 1
  for i = 1, records do
    last = last + 1
    local at = bodies + 4 * (i - 1)
    local becomes, score, id = string.sub(shape, 8 + i, 8 + i), ARGV[at + 2], ARGV[at + 3]
    redis.call('SET', KEYS[keys + i], epoch_bytes .. struct.pack('>I8', last) .. ARGV[at + 1])
    if becomes == 'H' then
      redis.call('ZADD', DEADLINES, score, id)
      redis.call('HSET', KEYS[opened + i], id, '')
    elseif becomes == 'h' then
      redis.call('ZADD', DEADLINES, score, id)
    else
      if becomes == 'e' then
        redis.call('ZREM', DEADLINES, id)
        redis.call('HDEL', KEYS[opened + i], id)
      end
      redis.call('ZADD', AGES, score, id)
    end
    redis.call('XADD', LOG, string.format('%.0f-0', last), 'e', ARGV[at + 4])
  end
  for i = 1, documents do
    local key = KEYS[written + i]
    if ARGV[writes + 2 * i - 1] == 'w' then
      local before = redis.call('GETRANGE', key, 0, 7)
      local version = #before == 8 and struct.unpack('>I8', before) or 0
      redis.call('SET', key, struct.pack('>I8', version + 1) .. ARGV[writes + 2 * i])
    else
      redis.call('DEL', key)
    end
  end
  return broken or first
end

while a < arguments do out[#out + 1] = change() end

if wrote then
  redis.call('HSET', HEAD, 'end', string.format('%.0f', last))
  -- A batch that was given up for lost may arrive after later ones.
  local batch = redis.call('HGET', HEAD, 'i:' .. ARGV[5])
  if not batch or below(batch, ARGV[6]) then redis.call('HSET', HEAD, 'i:' .. ARGV[5], ARGV[6]) end
  local log_max = tonumber(ARGV[7])
  -- Not with each entry: readers take what is beyond the maximum for gone, whether or not it is.
  if last - start > log_max + 512 and head[9] == 'open' then
    redis.call('XTRIM', LOG, 'MAXLEN', log_max)
    redis.call('HSET', HEAD, 'start', string.format('%.0f', last - log_max))
  end
end
return out
