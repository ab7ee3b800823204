-- Removes some sessions of a node that has left or has been dead for long, and the node after its last session. Returns 1 when
-- nothing is left, otherwise 0.
-- KEYS[4...]: inbox of the node, its sessions, entries that were removed from its inbox
-- ARGV[4...]: node; time in ms for which it must have been dead
local inbox, own, lost = unpack(KEYS, 4, 6)
local node, sweepAfter = ARGV[4], tonumber(ARGV[5])

-- Number of sessions that one call removes. Redis serves other clients between two calls.
local SESSIONS_PER_CALL = 200

if deadFor(node) < sweepAfter then return 1 end
-- From now on the node is not registered. If it comes back, it joins again and restores its sessions.
redis.call('HDEL', st, 'b:' .. node)
-- SPOP works on a full Redis, and so does what follows it.
local ids = redis.call('SPOP', own, SESSIONS_PER_CALL)
if #ids > 0 then
  local removed = {}
  for index, value in ipairs(redis.call('HMGET', dir, unpack(ids))) do
    if value and string.match(value, '^([^|]*)') == node then table.insert(removed, ids[index]) end
  end
  if #removed > 0 then redis.call('HDEL', dir, unpack(removed)) end
end
if redis.call('EXISTS', own) == 1 then return 0 end
redis.call('DEL', inbox, lost)
redis.call('HDEL', st, 'l:' .. node, 'c:' .. node, 'b:' .. node)
if redis.call('ZREM', nodes, node) == 1 then
  local number = digits(nextNumber())
  redis.call('HSET', st, 'nv', number, 'last', number)
end
return 1
