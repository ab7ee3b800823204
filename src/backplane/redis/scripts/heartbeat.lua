-- Keeps a node alive. Returns 1 or 0 for the existence of its list of sessions, the end of the stream, and the last entry
-- that each node has sent.
-- KEYS: nodes, sent, stream, the node's sessions
-- ARGV: node; time to live in ms of a node, of the shared keys, and of a dead node's last entry in `sent`; the last entry
--       that the node has sent, or ''
local nodes, sent, stream, sessions = unpack(KEYS)
local node, nodeTtl, sharedTtl, deadNodeTtl, progress = unpack(ARGV)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- A full Redis refuses commands that need memory, except after the first write of a script. So a PEXPIRE, which needs none,
-- goes first. The other commands hardly need any, because they replace what the last heartbeat wrote.
redis.call('PEXPIRE', nodes, sharedTtl)
redis.call('ZADD', nodes, now + nodeTtl, node)
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', nodes, '-inf', now - deadNodeTtl)) do
  redis.call('ZREM', nodes, dead)
  redis.call('HDEL', sent, dead)
end
if progress ~= '' then redis.call('HSET', sent, node, progress) end
for _, key in ipairs({ nodes, sent, stream }) do redis.call('PEXPIRE', key, sharedTtl) end

local reply = redis.call('HGETALL', sent)
table.insert(reply, 1, streamEnd(stream))
table.insert(reply, 1, redis.call('PEXPIRE', sessions, nodeTtl))
return reply
