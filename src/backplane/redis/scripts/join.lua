-- Registers a node that begins to read. Returns the end of the stream, and the nodes that joined earlier.
-- KEYS: stream, sent
-- ARGV: node, time to live of `sent` in ms
local stream, sent = unpack(KEYS)
local node, ttl = unpack(ARGV)

local last = streamEnd(stream)
local nodes = redis.call('HKEYS', sent)
-- A node that joins later finds this one in `sent`, even before its first heartbeat. So it does not report the entries that
-- this one sent earlier as missing.
redis.call('HSETNX', sent, node, '0@' .. last)
redis.call('PEXPIRE', sent, ttl)
return { last, nodes }
