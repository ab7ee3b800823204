-- Makes a node known that begins to read. Returns the end of the stream, and the nodes that joined earlier.
-- KEYS: stream, sent
-- ARGV: node, time to live of `sent` in ms
local stream, sent = unpack(KEYS)
local node, ttl = unpack(ARGV)

local last = streamEnd(stream)
local nodes = redis.call('HKEYS', sent)
-- From now on, a node that begins to read knows that this one has sent nothing yet.
redis.call('HSETNX', sent, node, '0@' .. last)
redis.call('PEXPIRE', sent, ttl)
return { last, nodes }
