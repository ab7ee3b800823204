-- Adds entries of a node to the inboxes of the nodes that they concern. An inbox gets one stream entry for all of them.
-- KEYS[4...]: the inboxes of all other nodes
-- ARGV[4...]: version of the list of nodes that the caller knows; number of the first entry; '1' if the entries before it are
--             lost; maximum number of stream entries, and of bytes, in an inbox; the entries, each as one of
--             number of ids, ids, frame | 'a', frame for all nodes | 'd', id of a session to delete
-- Returns one of 'forgotten' | 'nodes', version, nodes | 'hole', number of the last entry | 'upto', number of the last entry,
-- and if an inbox has no room for the next one: its node, bytes that the entry needs, 1 if the node has been dead for `nodeTtl`.
local known, first, followsLoss, maxLen, maxBytes = unpack(ARGV, 4, 8)
first, maxLen, maxBytes = tonumber(first), tonumber(maxLen), tonumber(maxBytes)

local version, appended, lastNumber, bytes = unpack(redis.call('HMGET', st, 'nv', 'l:' .. self, 'last', 'b:' .. self))
local refused = refusal(bytes, version, known)
if refused then return refused end
local seen = tonumber(appended or 0)
if first > seen + 1 and followsLoss ~= '1' then return { 'hole', appended } end
last = tonumber(lastNumber or 0)

-- The inbox that has no room for the current entry, and the size of this entry there.
local full, fullSize

-- Returns true when an inbox that does not exist need not be waited for, because its node is dead. Otherwise the node is about to
-- make the inbox again.
local function isGone(inbox)
  if deadFor(inbox.node) > nodeTtl then return true end
  full, fullSize = inbox, 0
  return false
end

-- Returns true when an inbox has room for a frame.
local function hasRoom(inbox, size)
  if not inbox.frames then
    inbox.frames, inbox.frameBytes = {}, 0
    inbox.len = redis.call('XLEN', inbox.key)
    inbox.exists = inbox.len > 0 or redis.call('EXISTS', inbox.key) == 1
  end
  if not inbox.exists then return isGone(inbox) end
  local isEmpty = inbox.len == 0 and inbox.frameBytes == 0
  if inbox.len < maxLen and (isEmpty or inbox.bytes + inbox.frameBytes + size <= maxBytes) then return true end
  full, fullSize = inbox, size
  return false
end

-- Adds a frame to what an inbox gets at the end.
local function put(inbox, frame)
  if inbox.exists then
    inbox.frames[#inbox.frames + 1] = frame
    inbox.frameBytes = inbox.frameBytes + #frame
  end
end

-- Adds the frames to an inbox.
local function flush(inbox)
  local count = inbox.frames and #inbox.frames or 0
  if count > 0 then
    local size = 3 + #self + #tostring(count) + inbox.frameBytes
    add(inbox, size, 'n', self, 'c', count, 'f', table.concat(inbox.frames))
    inbox.frames, inbox.frameBytes = {}, 0
  end
end

-- Adds a frame to several inboxes, or to none of them. Returns false when it has to wait.
local function putAll(receivers, frame)
  for _, inbox in ipairs(receivers) do
    if not hasRoom(inbox, #frame) then return false end
  end
  for _, inbox in ipairs(receivers) do put(inbox, frame) end
  return true
end

-- Returns the inboxes of all other nodes.
local others
local function otherInboxes()
  if others then return others end
  others = {}
  local start, names, fields = #base + 4, {}, {}
  for index = 4, #KEYS do
    local node = string.sub(KEYS[index], start)
    if inboxes[node] == nil then
      table.insert(names, node)
      table.insert(fields, 'b:' .. node)
    elseif inboxes[node] then
      table.insert(others, inboxes[node])
    end
  end
  if #names > 0 then
    local sizes = redis.call('HMGET', st, unpack(fields))
    for index, node in ipairs(names) do
      local size = sizes[index]
      local inbox = size and { node = node, key = base .. 'in:' .. node, bytes = tonumber(size) }
      inboxes[node] = inbox
      if inbox then table.insert(others, inbox) end
    end
  end
  return others
end

-- Returns the inbox of the node that has a session, from a value of the directory. False when no other node has it, or when that
-- node is dead: then its client may have moved, and its new node is about to claim the session.
local inboxByValue = {}
local function inboxIn(value)
  if not value then return false end
  local inbox = inboxByValue[value]
  if inbox == nil then
    local owner = ownerIn(value)
    inbox = owner ~= self and inboxOf(owner)
    if inbox and inbox.isDead == nil then inbox.isDead = deadFor(owner) > 0 end
    inbox = inbox and not inbox.isDead and inbox
    inboxByValue[value] = inbox
  end
  return inbox
end

-- Number of sessions that one command looks up. Lua cannot pass more than 8,000 values.
local IDS_PER_COMMAND = 1000

-- Adds a message to several sessions, whose ids begin at an index of ARGV. Every receiver gets all ids, and skips those that it
-- does not have.
local function putMessage(index, count, frame)
  local receivers, has = {}, {}
  local final = index + count - 1
  for from = index, final, IDS_PER_COMMAND do
    local to = math.min(from + IDS_PER_COMMAND - 1, final)
    for _, value in ipairs(redis.call('HMGET', dir, unpack(ARGV, from, to))) do
      local inbox = inboxIn(value)
      -- A node is about to claim the session. It may be any.
      if not inbox then return putAll(otherInboxes(), frame) end
      if not has[inbox] then
        has[inbox] = true
        table.insert(receivers, inbox)
      end
    end
  end
  return putAll(receivers, frame)
end

-- Closes a session that another node has. Returns false when this has to wait.
local function delete(number, id)
  local value = redis.call('HGET', dir, id)
  -- A session that this node has was created after the deletion.
  if not value or ownerIn(value) == self then return true end
  local inbox = inboxOf(ownerIn(value))
  if inbox then
    local size = 3 + #self + #number + 1 + 2 + #id + #digits(last + 1)
    if not hasRoom(inbox, size) then return false end
    -- After the messages that were sent before.
    flush(inbox)
    nextNumber()
    local stamp = digits(last)
    if inbox.exists then add(inbox, size, 'n', self, 's', number, 'k', 'd', 'i', id, 'c', stamp) end
    -- For the messages that come next.
    nextNumber()
  else
    -- A full Redis accepts every write after the first one. This one needs memory, so it is refused.
    redis.call('HSET', st, 'last', digits(last))
  end
  -- Its owner removes it from its own list.
  redis.call('HDEL', dir, id)
  return true
end

nextNumber()
local index, accepted = 9, first - 1
while ARGV[index] do
  local kind = ARGV[index]
  local count = tonumber(kind)
  if accepted >= seen then
    local isAdded
    if count == 1 then
      local inbox, frame = inboxIn(redis.call('HGET', dir, ARGV[index + 1])), ARGV[index + 2]
      if inbox then
        isAdded = hasRoom(inbox, #frame)
        if isAdded then put(inbox, frame) end
      else
        -- Any other node may be about to claim the session.
        isAdded = putAll(otherInboxes(), frame)
      end
    elseif count then
      isAdded = putMessage(index + 1, count, ARGV[index + 1 + count])
    elseif kind == 'a' then
      isAdded = putAll(otherInboxes(), ARGV[index + 1])
    else
      isAdded = delete(digits(accepted + 1), ARGV[index + 1])
    end
    if not isAdded then break end
  end
  accepted = accepted + 1
  index = index + (count or 0) + 2
end

for _, inbox in pairs(inboxes) do
  if inbox then flush(inbox) end
end
if accepted > seen and accepted >= first then save({ 'l:' .. self, digits(accepted) }) end
local reply = { 'upto', digits(accepted) }
if full then
  table.insert(reply, full.node)
  table.insert(reply, fullSize)
  -- Not as soon as it counts as dead: a node that is alive may send its heartbeat too late.
  table.insert(reply, deadFor(full.node) > nodeTtl and 1 or 0)
end
return reply
