-- A node lives. Whether the list of its sessions is there, where the stream ends, and how far each node is.
-- KEYS: nodes, sent, stream, the list of the node's sessions
-- ARGV: node, time to live of a node, of what all share, and when a dead node is forgotten (ms); how far the node is, or ''
local nodes, sent, stream, sessions = unpack(KEYS)
local node, nodeTtl, sharedTtl, forgotten, progress = unpack(ARGV)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

redis.call('ZADD', nodes, now + nodeTtl, node)
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', nodes, '-inf', now - forgotten)) do
  redis.call('ZREM', nodes, dead)
  redis.call('HDEL', sent, dead)
end
if progress ~= '' then redis.call('HSET', sent, node, progress) end
for _, key in ipairs({ nodes, sent, stream }) do redis.call('PEXPIRE', key, sharedTtl) end

local reply = redis.call('HGETALL', sent)
table.insert(reply, 1, endOf(stream))
table.insert(reply, 1, redis.call('PEXPIRE', sessions, nodeTtl))
return reply
