-- Registers a node that begins to read. Returns the end of the stream, the nodes that joined earlier, and why Redis refuses to
-- register it: '' if it does not.
-- KEYS: stream, sent
-- ARGV: node, time to live of `sent` in ms
local stream, sent = unpack(KEYS)
local node, ttl = unpack(ARGV)

local last = streamEnd(stream)
local nodes = redis.call('HKEYS', sent)
-- A full Redis refuses commands that need memory, except after the first write of a script. So a PEXPIRE, which needs none,
-- goes first. It fails on a replica. The node can read there.
local refused = redis.pcall('PEXPIRE', sent, ttl)
if type(refused) == 'table' and refused.err then return { last, nodes, refused.err } end
-- A node that joins later finds this one in `sent`, even before its first heartbeat. So it does not report the entries that
-- this one sent earlier as missing.
redis.call('HSETNX', sent, node, '0@' .. last)
redis.call('PEXPIRE', sent, ttl)
return { last, nodes, '' }
