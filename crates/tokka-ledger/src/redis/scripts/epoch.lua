-- A new epoch of a shard, which rises: hundredths of a second since 2026, and 12 bits of the server's own name.
--
-- None is begun twice, not even by two servers that took over one after the other and never heard of each other. They rise as
-- long as the servers' clocks agree better than fail-overs follow each other, and a number of Lua is exact until the year 2722.
local function new_epoch(now, run, before)
  local begun = math.floor((tonumber(now) - 1767225600000) / 10) * 4096 + tonumber(string.sub(run, 1, 3), 16)
  return string.format('%.0f', math.max(begun, tonumber(before) + 1))
end

