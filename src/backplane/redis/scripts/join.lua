-- Registers a node. Returns what Redis knew of it (`standing`), why Redis refuses to register it ('' if it does not), the
-- version of the list of nodes, and the list. Returns only the version of the layout when it is another one.
local layout = redis.call('HGET', st, 'v')
if layout and layout ~= LAYOUT then return layout end

local wasKnown = isRegistered()
-- A full Redis refuses commands that need memory, except after the first write of a script. So a PEXPIRE, which needs none,
-- goes first. It fails on a replica. The node can read there.
local refused = redis.pcall('PEXPIRE', st, keysTtl)
if type(refused) == 'table' and refused.err then return { standing(wasKnown), refused.err, '', {} } end
beat(wasKnown)
return { standing(wasKnown), '', redis.call('HGET', st, 'nv'), redis.call('ZRANGE', nodes, 0, -1) }
