-- Adds entries of a node to the inboxes of the nodes that they concern.
-- KEYS[4...]: the inboxes of all other nodes
-- ARGV[4...]: version of the list of nodes that the caller knows; number of the first entry; '1' if the entries before it are
--             lost; maximum number of entries, and of bytes, in an inbox; the entries, each as one of
--             number of ids, ids, text | 'b', text | 'n', name of a field, its value, text | 'd', id
-- Returns one of 'forgotten' | 'nodes', version, nodes | 'hole', number of the last entry | 'upto', number of the last entry,
-- the node whose inbox has no room for the next one, bytes that this one needs, 1 if the node has been dead for a while.
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

-- Returns true when an inbox has room.
local function hasRoom(inbox, size)
  if not inbox.len then inbox.len = redis.call('XLEN', inbox.key) end
  if inbox.len < maxLen and (inbox.len == 0 or inbox.bytes + size <= maxBytes) then return true end
  full, fullSize = inbox, size
  return false
end

-- Returns true when an inbox that does not exist need not be waited for, because its node is dead. Otherwise the node is about to
-- make the inbox again.
local function isGone(inbox)
  if deadFor(inbox.node) > nodeTtl then return true end
  full, fullSize = inbox, 0
  return false
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

-- Returns the inbox of the node that has a session, from a value of the directory. False when no other node has it.
local function inboxIn(value)
  local owner = value and ownerIn(value)
  return owner and owner ~= self and inboxOf(owner)
end

-- Adds an entry to one inbox. Returns false when it has to wait.
local function addToOne(inbox, size, ...)
  return hasRoom(inbox, size) and (add(inbox, size, ...) or isGone(inbox))
end

-- Adds an entry to several inboxes, or to none of them. `own` has the fields and the size of the entry in some inboxes, `fields`
-- and `size` those in the others. Returns false when it has to wait.
local function addToAll(receivers, fields, size, own)
  local empty = {}
  for _, inbox in ipairs(receivers) do
    if not hasRoom(inbox, own and own[inbox] and own[inbox].size or size) then return false end
    if inbox.len == 0 then table.insert(empty, inbox.key) end
  end
  if #empty > 0 and redis.call('EXISTS', unpack(empty)) < #empty then
    for _, inbox in ipairs(receivers) do
      if inbox.len == 0 and redis.call('EXISTS', inbox.key) == 0 and not isGone(inbox) then return false end
    end
  end
  for _, inbox in ipairs(receivers) do
    local mine = own and own[inbox]
    if mine then
      add(inbox, mine.size, unpack(mine))
    else
      add(inbox, size, unpack(fields))
    end
  end
  return true
end

-- Adds a message to several sessions, in ARGV from an index on.
local function addMessage(number, index, count)
  local text = ARGV[index + count]
  local owners = redis.call('HMGET', dir, unpack(ARGV, index, index + count - 1))
  local fixed = 3 + #self + #number + 1 + 1 + #text
  local function message() return { 'n', self, 's', number, 'k', 'm', 't', text, size = fixed } end
  local function to(entry, id)
    table.insert(entry, 'i')
    table.insert(entry, id)
    entry.size = entry.size + 1 + #id
  end
  local own, receivers, unknown = {}, {}, nil
  for offset = 1, count do
    if not inboxIn(owners[offset]) then
      unknown = unknown or message()
      to(unknown, ARGV[index + offset - 1])
    end
  end
  for offset = 1, count do
    local inbox = inboxIn(owners[offset])
    if inbox then
      if not own[inbox] then
        own[inbox] = unknown and { size = unknown.size, unpack(unknown) } or message()
        table.insert(receivers, inbox)
      end
      to(own[inbox], ARGV[index + offset - 1])
    end
  end
  if unknown then
    -- A node is about to claim these sessions. It may be any.
    return addToAll(otherInboxes(), unknown, unknown.size, own)
  end
  return addToAll(receivers, nil, 0, own)
end

-- Closes a session that another node has.
local function addDeletion(number, id)
  local value = redis.call('HGET', dir, id)
  -- A session that this node has was created after the deletion.
  if not value or ownerIn(value) == self then return true end
  local inbox = inboxIn(value)
  if inbox then
    local stamp = digits(last)
    local size = 3 + #self + #number + 1 + 2 + #id + #stamp
    local isAdded = addToOne(inbox, size, 'n', self, 's', number, 'k', 'd', 'i', id, 'c', stamp)
    if not isAdded then return false end
  else
    -- A full Redis accepts every write after the first one. This one needs memory, so it is refused.
    redis.call('HSET', st, 'last', digits(last))
  end
  -- Its owner removes it from its own list.
  redis.call('HDEL', dir, id)
  return true
end

local index, accepted = 9, first - 1
while ARGV[index] do
  local kind = ARGV[index]
  local count = tonumber(kind)
  local length = count and count + 2 or kind == 'n' and 4 or 2
  if accepted >= seen then
    nextNumber()
    local number, isAdded = digits(accepted + 1), nil
    if count == 1 then
      local id, text = ARGV[index + 1], ARGV[index + 2]
      local inbox = inboxIn(redis.call('HGET', dir, id))
      local size = 3 + #self + #number + 1 + 2 + #id + #text
      if inbox then
        isAdded = addToOne(inbox, size, 'n', self, 's', number, 'k', 'm', 'i', id, 't', text)
      else
        -- A node is about to claim the session. It may be any.
        isAdded = addToAll(otherInboxes(), { 'n', self, 's', number, 'k', 'm', 'i', id, 't', text }, size)
      end
    elseif count == 0 then
      isAdded = true
    elseif count then
      isAdded = addMessage(number, index + 1, count)
    elseif kind == 'b' then
      local text = ARGV[index + 1]
      local size = 3 + #self + #number + 1 + 1 + #text
      isAdded = addToAll(otherInboxes(), { 'n', self, 's', number, 'k', 'b', 't', text }, size)
    elseif kind == 'n' then
      local name, value, text = unpack(ARGV, index + 1, index + 3)
      local size = 3 + #self + #number + 1 + #name + #value + 1 + #text
      isAdded = addToAll(otherInboxes(), { 'n', self, 's', number, 'k', 'n', name, value, 't', text }, size)
    else
      isAdded = addDeletion(number, ARGV[index + 1])
    end
    if not isAdded then break end
  end
  accepted = accepted + 1
  index = index + length
end

if accepted > seen and accepted >= first then save({ 'l:' .. self, digits(accepted) }) end
local reply = { 'upto', digits(accepted) }
if full then
  table.insert(reply, full.node)
  table.insert(reply, fullSize)
  -- A node that is alive may come back later than it should, for example because Redis was away.
  table.insert(reply, deadFor(full.node) > nodeTtl and 1 or 0)
end
return reply
