-- Do these changes still stand on what they were computed from? A batch of them, each judged by itself: its records are
-- as its caller saw them and its amounts fit, and it is written; or nothing of it is.
--
-- KEYS  head, deadlines, ages, log; then of each change: by record its key and that of its customer's open orders, the
--       customer's own counters, shared counters, their grants, documents
-- ARGV  (head) layout, store, shards, mode; instance, number of the batch, log_max; then of each change:
--         records, own counters, shared counters, documents, revision (0 = none)
--         by record: the stamp it must have ('' = it must not exist)
--         by counter, own before shared: by how much, limit ('' = give back, whatever is used)
--         by record: body, becomes (see below), score, id, entry of the log
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
local epoch_bytes = struct.pack('>I8', tonumber(epoch))
local out = {epoch, now}

local function change()
  local records, own, shared = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
  local documents, revision = tonumber(ARGV[a + 4]), ARGV[a + 5]
  local counters = own + shared
  -- Where each part begins: the element before its first.
  local stamps = a + 5
  local amounts = stamps + records
  local bodies = amounts + 2 * counters
  local writes = bodies + 5 * records
  a = writes + 2 * documents
  local keys = k
  local counted = keys + 2 * records
  local granted = counted + counters
  local written = granted + shared
  k = written + documents

  local found, differs = {'r'}, false
  for i = 1, records do
    local record = redis.call('GET', KEYS[keys + 2 * i - 1])
    found[i + 1] = record
    if (record and string.sub(record, 1, 16) or '') ~= ARGV[stamps + i] then differs = true end
  end
  if differs then return found end
  if revision ~= '0' and below(revision, admits) then return {'s', admits} end

  if counters > 0 then
    local used = redis.call('MGET', unpack(KEYS, counted + 1, counted + counters))
    local grants = shared > 0 and redis.call('MGET', unpack(KEYS, granted + 1, granted + shared)) or {}
    local fits = true
    for i = 1, counters do
      local limit = ARGV[amounts + 2 * i]
      if limit ~= '' then
        local after = tonumber(used[i] or '0') + tonumber(ARGV[amounts + 2 * i - 1])
        if after > tonumber(limit) then fits = false end
        if i > own and after > tonumber(grants[i - own] or '0') then fits = false end
      end
    end
    if not fits then
      local refused = {'c'}
      for i = 1, counters do refused[i + 1] = used[i] end
      for i = 1, shared do refused[counters + 1 + i] = grants[i] end
      return refused
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
    local at = bodies + 5 * (i - 1)
    local becomes, score, id = ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
    redis.call('SET', KEYS[keys + 2 * i - 1], epoch_bytes .. struct.pack('>I8', last) .. ARGV[at + 1])
    if becomes == 'H' then
      redis.call('ZADD', DEADLINES, score, id)
      redis.call('SADD', KEYS[keys + 2 * i], id)
    elseif becomes == 'h' then
      redis.call('ZADD', DEADLINES, score, id)
    else
      if becomes == 'e' then
        redis.call('ZREM', DEADLINES, id)
        redis.call('SREM', KEYS[keys + 2 * i], id)
      end
      redis.call('ZADD', AGES, score, id)
    end
    redis.call('XADD', LOG, string.format('%.0f-0', last), 'e', ARGV[at + 5])
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
