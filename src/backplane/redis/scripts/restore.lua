-- Puts sessions that a node has into the directory, unless another node has claimed them later.
-- KEYS[4...]: the node's sessions, the inboxes of all other nodes
-- ARGV[4...]: version of the list of nodes that the caller knows; time to live of the keys in ms; for each session its id and
--             the stamp of the node's claim
-- Returns one of 'forgotten' | 'nodes', version, nodes | 'held', for each session the stamp of the node's claim, or 0.
local own = KEYS[4]
local known, ttl = ARGV[4], ARGV[5]

local version, bytes = unpack(redis.call('HMGET', st, 'nv', 'b:' .. self))
local refused = refusal(bytes, version, known)
if refused then return refused end

local ids, stamps = {}, {}
for index = 6, #ARGV, 2 do
  table.insert(ids, ARGV[index])
  table.insert(stamps, ARGV[index + 1])
end
local values = redis.call('HMGET', dir, unpack(ids))

nextNumber()
local held, claims, here, elsewhere = { 'held' }, {}, {}, {}
-- The sessions that other nodes have: stamp -> node -> ids.
local replaced = {}
for index, id in ipairs(ids) do
  local value, stamp = values[index], tonumber(stamps[index])
  -- A claim of a node that is not registered has no effect.
  local owner = value and ownerIn(value)
  if owner and owner ~= self and not inboxOf(owner) then owner = nil end
  local theirs = owner and stampIn(value) or -1
  if owner and owner ~= self and theirs >= stamp then
    table.insert(elsewhere, id)
    table.insert(held, 0)
  else
    table.insert(here, id)
    if theirs < stamp then
      table.insert(claims, id)
      table.insert(claims, self .. '|' .. digits(stamp))
      -- The directory may have lost later claims.
      last = math.max(last, stamp)
    end
    if owner and owner ~= self then
      local nodes = replaced[stamp] or {}
      replaced[stamp] = nodes
      nodes[owner] = nodes[owner] or {}
      table.insert(nodes[owner], id)
    end
    table.insert(held, math.max(theirs, stamp))
  end
end
if #claims > 0 then redis.call('HSET', dir, unpack(claims)) end
if #here > 0 then redis.call('SADD', own, unpack(here)) end
if #elsewhere > 0 then redis.call('SREM', own, unpack(elsewhere)) end
redis.call('PEXPIRE', dir, ttl)
redis.call('PEXPIRE', own, ttl)
for stamp, nodes in pairs(replaced) do
  closeReplaced(nodes, stamp)
  last = last + 1
end
save({})
return held
