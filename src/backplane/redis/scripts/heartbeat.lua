-- Keeps a node alive, unless Redis has forgotten it: then it has to join again. Returns what Redis knows of it (`standing`), and
-- some nodes that have been dead for long.
-- ARGV[5]: time in ms after which the sessions of a dead node are removed
local sweepAfter = tonumber(ARGV[5])

-- Number of dead nodes that are returned.
local NODES_PER_CALL = 3

if not isRegistered() then return { standing(false), {} } end
-- A PEXPIRE goes first, as in `join.lua`. The other commands hardly need memory, because they replace what the last heartbeat
-- wrote.
redis.call('PEXPIRE', nodes, keysTtl)
beat()
local dead = {}
local candidates =
  redis.call('ZRANGEBYSCORE', nodes, '-inf', digits(millis() - sweepAfter), 'LIMIT', 0, NODES_PER_CALL)
for _, node in ipairs(candidates) do
  if deadFor(node) >= sweepAfter then table.insert(dead, node) end
end
return { standing(true), dead }
