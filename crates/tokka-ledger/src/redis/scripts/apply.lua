-- Do these changes still stand on what they were computed from? A batch of them, each judged by itself: its records are
-- as its caller saw them and its amounts fit, and it is written; or nothing of it is.
--
-- KEYS  head, deadlines, ages, log; then strings, each once: records, counters, grants of shared counters; then of each
--       change: by record its customer's open orders; documents
-- ARGV  (head) layout, store, shards, mode; instance, number of the batch, log_max, how many strings there are; then of each
--       change:
--         packed, numbers of two bytes unless said otherwise: how many records, own counters, shared counters, documents; by
--           record which string it is, 0 or 1 in a byte (it must not exist, or have this stamp), the stamp, what it becomes
--           (see below); by counter, own before shared, which string it is, by how much and its limit, each in eight bytes
--           with a sign (a limit below 0 = give back, whatever is used); by shared counter which string its grant is; then
--           the revision in decimal, or nothing where none is asked for
--         by record: body, score, entry of the log
--         by document: 'w' and bytes, or 'd' and ''
--
-- A record becomes 'H' newly held, 'h' still held, 'e' held no longer, 'k' neither before nor now; the score is its deadline
-- where it is held, and else when it ages out. Its id is what its key ends in.
--
-- Amounts are at most 10^15, and sums of two of them at most 2 * 10^15: exact as doubles, and so are their digits.
--
-- All that a batch reads it reads at once, and what it writes of strings, deadlines and log it writes at the end: a command
-- costs more than what it does. Its entries of the log are one of the stream, which is called as the last of them.
--
-- Returns epoch, time, then of each change: the position of its first record, or {'b', position, counters below 0},
-- {'r', records as they are}, {'c', used, grants}, {'s', admitted revision}.
local DEADLINES, AGES, LOG = KEYS[2], KEYS[3], KEYS[4]
local ID = #HEAD + 1
local NEWLY_HELD, STILL_HELD, HELD_NO_LONGER = string.byte('Hhe', 1, 3)
-- Lua has no room for more values in one call.
local AT_ONCE = 4000
local unpack_of, sub, byte = struct.unpack, string.sub, string.byte
local epoch_bytes = struct.pack('>I8', tonumber(epoch))
local out = {epoch, now}
local strings = tonumber(ARGV[8])
-- The element before the first of what comes next: other keys, arguments.
local o, a = 4 + strings, 8

-- What stands under the strings, by number, and then what this batch makes of it; false = nothing.
local stands = {}
for from = 1, strings, AT_ONCE do
  local some = redis.call('MGET', unpack(KEYS, 4 + from, 4 + math.min(from + AT_ONCE - 1, strings)))
  if from == 1 then
    stands = some
  else
    for n = 1, #some do stands[from - 1 + n] = some[n] end
  end
end
-- Which of them change; of records the score among deadlines and ages, or false where it goes.
local changed, is_changed, deadlines, ages = {}, {}, {}, {}
-- Of the log, as fields and values.
local entries = {}
local wrote = false

local function write(n, value)
  stands[n] = value
  if not is_changed[n] then
    is_changed[n] = true
    changed[#changed + 1] = n
  end
end

local function change()
  local packed = ARGV[a + 1]
  local records, own, shared, documents = unpack_of('>I2I2I2I2', packed)
  local counters = own + shared
  local bodies = a + 1
  local writes = bodies + 3 * records
  a = writes + 2 * documents
  local opened = o
  o = opened + records + documents
  -- Where each part of it begins.
  local of_counters = 9 + 20 * records
  local of_grants = of_counters + 18 * counters

  for at = 9, of_counters - 1, 20 do
    local record = stands[unpack_of('>I2', packed, at)]
    local known = byte(packed, at + 2) == 1
    if (record and true or false) ~= known or known and sub(record, 1, 16) ~= sub(packed, at + 3, at + 18) then
      local differs = {'r'}
      for other = 9, of_counters - 1, 20 do differs[#differs + 1] = stands[unpack_of('>I2', packed, other)] end
      return differs
    end
  end
  local revision = sub(packed, of_grants + 2 * shared)
  if revision ~= '' and below(revision, admits) then return {'s', admits} end

  local numbers, sums = {}, {}
  for i = 1, counters do
    local n, by, limit = unpack_of('>I2i8i8', packed, of_counters + 18 * (i - 1))
    local sum = tonumber(stands[n] or 0) + by
    local granted = i > own and tonumber(stands[unpack_of('>I2', packed, of_grants + 2 * (i - own - 1))] or 0)
    if limit >= 0 and (sum > limit or granted and sum > granted) then
      local refused = {'c'}
      for j = 1, counters do
        refused[#refused + 1] = stands[unpack_of('>I2', packed, of_counters + 18 * (j - 1))]
      end
      for j = 1, shared do refused[#refused + 1] = stands[unpack_of('>I2', packed, of_grants + 2 * (j - 1))] end
      return refused
    end
    numbers[i], sums[i] = n, by ~= 0 and sum
  end

  -- From here on nothing fails.
  wrote = true
  local broken
  for i = 1, counters do
    local sum = sums[i]
    if sum then
      write(numbers[i], sum ~= 0 and sum)
      if sum < 0 then
        broken = broken or {'b', last + 1}
        broken[#broken + 1] = i - 1
      end
    end
  end
  local first = last + 1
  for i = 1, records do
    last = last + 1
    local at, from = bodies + 3 * (i - 1), 9 + 20 * (i - 1)
    local n, becomes, score = unpack_of('>I2', packed, from), byte(packed, from + 19), ARGV[at + 2]
    write(n, epoch_bytes .. struct.pack('>I8', last) .. ARGV[at + 1])
    if becomes == NEWLY_HELD then
      deadlines[n] = score
      redis.call('HSET', KEYS[opened + i], sub(KEYS[4 + n], ID), '')
    elseif becomes == STILL_HELD then
      deadlines[n] = score
    else
      if becomes == HELD_NO_LONGER then
        deadlines[n] = false
        redis.call('HDEL', KEYS[opened + i], sub(KEYS[4 + n], ID))
      end
      ages[n] = score
    end
    entries[#entries + 1] = 'e'
    entries[#entries + 1] = ARGV[at + 3]
  end
  local written = opened + records
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

local arguments = #ARGV
while a < arguments do out[#out + 1] = change() end

local function call_with(command, key, list)
  for from = 1, #list, AT_ONCE do
    local to = math.min(from + AT_ONCE - 1, #list)
    if key then redis.call(command, key, unpack(list, from, to)) else redis.call(command, unpack(list, from, to)) end
  end
end

local function rank(key, scores)
  local come, go = {}, {}
  for n, score in pairs(scores) do
    local id = sub(KEYS[4 + n], ID)
    if score then
      come[#come + 1] = score
      come[#come + 1] = id
    else
      go[#go + 1] = id
    end
  end
  call_with('ZADD', key, come)
  call_with('ZREM', key, go)
end

if wrote then
  local stand, go = {}, {}
  for i = 1, #changed do
    local n = changed[i]
    local key, value = KEYS[4 + n], stands[n]
    if value then
      stand[#stand + 1] = key
      stand[#stand + 1] = type(value) == 'number' and string.format('%.0f', value) or value
    else
      go[#go + 1] = key
    end
  end
  call_with('MSET', nil, stand)
  call_with('DEL', nil, go)
  rank(DEADLINES, deadlines)
  rank(AGES, ages)
  if #entries > 0 then redis.call('XADD', LOG, string.format('%.0f-0', last), unpack(entries)) end

  redis.call('HSET', HEAD, 'end', string.format('%.0f', last))
  -- A batch that was given up for lost may arrive after later ones.
  local batch = redis.call('HGET', HEAD, 'i:' .. ARGV[5])
  if not batch or below(batch, ARGV[6]) then redis.call('HSET', HEAD, 'i:' .. ARGV[5], ARGV[6]) end
  local log_max = tonumber(ARGV[7])
  -- Not with each entry: readers take what is beyond the maximum for gone, whether or not it is.
  if last - start > log_max + 512 and head[9] == 'open' then
    redis.call('XTRIM', LOG, 'MINID', string.format('%.0f-0', last - log_max + 1))
    redis.call('HSET', HEAD, 'start', string.format('%.0f', last - log_max))
  end
end
return out
