-- A node begins to read. Where the stream ends, and the nodes that are there already.
-- KEYS: stream, sent   ARGV: node, time to live (ms)
local stream, sent = unpack(KEYS)
local node, ttl = unpack(ARGV)

local last = endOf(stream)
local nodes = redis.call('HKEYS', sent)
-- From now on, whoever begins to read knows that this node has sent nothing yet.
redis.call('HSETNX', sent, node, '0@' .. last)
redis.call('PEXPIRE', sent, ttl)
return { last, nodes }
