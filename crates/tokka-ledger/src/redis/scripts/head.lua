-- Is this the shard that the caller means, and may it be used now? Every script begins with this.
--
-- KEYS[1]  the head
-- ARGV     layout, store, shards, mode: '' = only where the shard is open, 'r' = also while it recovers
--
-- The head: layout, store (its id), shards, shard, epoch, end (the last position of the log), start (the last one that is
-- no longer kept), admits (the lowest catalogue revision), run (the server that wrote last), state (open |
-- recovering | restoring: until all of it has been written again, whatever happens to the server), round, since and lived (of the last recovery: its number, when it began, and who was heard of since when counts as
-- living), survived:EPOCH (the last position that is left of an epoch), i:INSTANCE (the number of its last batch),
-- b:INSTANCE (when it was last heard of), s:INSTANCE and m:INSTANCE (the last epoch that it has
-- reported in, in part or whole).
--
-- A server that did not write last has perhaps not got all that was written: whoever finds that out begins a new epoch and
-- closes the shard until the instances have said what they know.
local HEAD = KEYS[1]
local head = redis.call('HMGET', HEAD, 'layout', 'store', 'shards', 'epoch', 'end', 'start', 'admits', 'run', 'state')
if not head[1] then return redis.error_reply('TOKKA EMPTY') end
if head[1] ~= ARGV[1] then return redis.error_reply('TOKKA LAYOUT ' .. head[1]) end
if head[2] ~= ARGV[2] then return redis.error_reply('TOKKA STORE ' .. head[2]) end
if head[3] ~= ARGV[3] then return redis.error_reply('TOKKA SHARDS ' .. head[3]) end

-- Is one number below another, both as their digits? Exact whatever their size.
local function below(one, other) return #one < #other or #one == #other and one < other end

local clock = redis.call('TIME')
local now = clock[1] .. string.format('%03d', math.floor(clock[2] / 1000))
local epoch, last, start, admits = head[4], tonumber(head[5]), tonumber(head[6]), head[7]
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')

-- Ends the epoch with what is left of it, and closes the shard.
local function lose()
  local heard, ended = 0, {}
  local fields = redis.call('HGETALL', HEAD)
  for i = 1, #fields, 2 do
    local kind, name = string.match(fields[i], '^(%a+):(.+)$')
    if kind == 'b' then heard = math.max(heard, tonumber(fields[i + 1])) end
    if kind == 'survived' then ended[#ended + 1] = tonumber(name) end
  end
  table.sort(ended)
  for i = 1, #ended - 63 do redis.call('HDEL', HEAD, 'survived:' .. string.format('%.0f', ended[i])) end
  local state = head[9] == 'restoring' and 'restoring' or 'recovering'
  local begun = new_epoch(now, run, epoch)
  redis.call('HSET', HEAD, 'survived:' .. epoch, head[5], 'epoch', begun, 'run', run, 'state', state, 'since', now,
    'lived', string.format('%.0f', heard - 5000))
  redis.call('HINCRBY', HEAD, 'round', 1)
  epoch, head[9] = begun, state
end

if run ~= head[8] then lose() end
if head[9] ~= 'open' and ARGV[4] ~= 'r' then return redis.error_reply('TOKKA RECOVERING') end
