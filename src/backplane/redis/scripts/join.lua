-- Registers a node. Returns what Redis knew of it (`standing`), why Redis refuses to register it ('' if it does not), the
-- version of the list of nodes, and the list.
local LAYOUT = '2'

local layout = redis.call('HGET', st, 'v')
if layout and layout ~= LAYOUT then return layout end

local wasKnown = isRegistered()
-- A full Redis refuses commands that need memory, except after the first write of a script. So a PEXPIRE, which needs none,
-- goes first. It fails on a replica. The node can read there.
local refused = redis.pcall('PEXPIRE', st, keysTtl)
if type(refused) == 'table' and refused.err then return { standing(wasKnown), refused.err, '', {} } end
if not wasKnown then
  local number = digits(nextNumber())
  redis.call('DEL', lost)
  -- An inbox that has lost its registration keeps its entries. XADD with MAXLEN 0 makes an empty one.
  if redis.call('EXISTS', inbox) == 0 then redis.call('XADD', inbox, 'MAXLEN', 0, number .. '-0', 'k', '') end
  redis.call('HSET', st, 'v', LAYOUT, 'nv', number, 'last', number, 'b:' .. self, 0)
end
beat()
return { standing(wasKnown), '', redis.call('HGET', st, 'nv'), redis.call('ZRANGE', nodes, 0, -1) }
