-- Makes changes of the directory, once.
-- KEYS[4...]: the node's sessions, the inboxes of all other nodes
-- ARGV[4...]: version of the list of nodes that the caller knows; number of the changes; time to live of the keys in ms;
--             for each change 'c' for a claim or 'r' for a release, and the session
-- Returns one of 'forgotten' | 'nodes', version, nodes | 'held', for each change the stamp of the node's claim, or 0.
local own = KEYS[4]
local known, number, ttl = unpack(ARGV, 4, 6)

local version, changed, bytes = unpack(redis.call('HMGET', st, 'nv', 'c:' .. self, 'b:' .. self))
local refused = refusal(bytes, version, known)
if refused then return refused end

local ids, kinds = {}, {}
for index = 7, #ARGV, 2 do
  table.insert(kinds, ARGV[index])
  table.insert(ids, ARGV[index + 1])
end
local values = redis.call('HMGET', dir, unpack(ids))
local held = { 'held' }

if tonumber(number) <= tonumber(changed or 0) then
  local elsewhere = {}
  for index, id in ipairs(ids) do
    local isHere = values[index] and ownerIn(values[index]) == self
    table.insert(held, isHere and stampIn(values[index]) or 0)
    if not isHere then table.insert(elsewhere, id) end
  end
  if #elsewhere > 0 then redis.call('SREM', own, unpack(elsewhere)) end
  return held
end

local stamp = nextNumber()
local mine = self .. '|' .. digits(stamp)
local claims, claimed, released, removed, replaced = {}, {}, {}, {}, {}
for index, id in ipairs(ids) do
  local owner = values[index] and ownerIn(values[index])
  if kinds[index] == 'c' then
    table.insert(claims, id)
    table.insert(claims, mine)
    table.insert(claimed, id)
    if owner and owner ~= self and inboxOf(owner) then
      replaced[owner] = replaced[owner] or {}
      table.insert(replaced[owner], id)
    end
    table.insert(held, stamp)
  else
    table.insert(released, id)
    if owner == self then table.insert(removed, id) end
    table.insert(held, 0)
  end
end
-- Claims first: a full Redis refuses them if they are the first write.
if #claims > 0 then
  redis.call('HSET', dir, unpack(claims))
  redis.call('SADD', own, unpack(claimed))
  -- New keys have no time to live.
  redis.call('PEXPIRE', dir, ttl)
  redis.call('PEXPIRE', own, ttl)
  closeReplaced(replaced, stamp)
end
-- These work on a full Redis.
if #released > 0 then redis.call('SREM', own, unpack(released)) end
if #removed > 0 then redis.call('HDEL', dir, unpack(removed)) end
save({ 'c:' .. self, number })
return held
