-- Put after `clock.lua` before the scripts that add entries to inboxes.

-- All keys begin with this.
local base = string.sub(st, 1, -3)
-- The inboxes that this call has used: node -> inbox. `false` for a node that is not registered.
local inboxes = {}

-- Returns the inbox of a node, with the number of its bytes.
local function inboxOf(node)
  local inbox = inboxes[node]
  if inbox == nil then
    local bytes = redis.call('HGET', st, 'b:' .. node)
    inbox = bytes and { node = node, key = base .. 'in:' .. node, bytes = tonumber(bytes) }
    inboxes[node] = inbox
  end
  return inbox
end

-- Returns the node in a value of the directory, which is `<node>|<stamp>`.
local function ownerIn(value) return string.match(value, '^([^|]*)') end

-- Returns the stamp in a value of the directory.
local function stampIn(value) return tonumber(string.match(value, '|(%d+)$')) or 0 end

-- Another program has added an entry with a higher id. Makes `last` higher. Returns false when no number is higher: the inbox is
-- removed then, and its node reports that it is lost.
local function overtake(key)
  local info = redis.call('XINFO', 'STREAM', key)
  for index = 1, #info, 2 do
    if info[index] == 'last-generated-id' then
      last = math.max(last, tonumber(string.match(info[index + 1], '^%d+'))) + 1
    end
  end
  if last < 2 ^ 53 then return true end
  last = micros()
  redis.call('DEL', key)
  return false
end

-- Adds an entry, with `last` as its id and the names and values of its fields as arguments. Returns false when the inbox does not
-- exist: Redis has lost it.
local function add(inbox, size, ...)
  local id = redis.pcall('XADD', inbox.key, 'NOMKSTREAM', digits(last) .. '-0', ...)
  if type(id) == 'table' and id.err then
    local isTooLow = string.find(id.err, 'equal or smaller', 1, true) or string.find(id.err, 'exhausted', 1, true)
    if isTooLow and not overtake(inbox.key) then return false end
    id = redis.call('XADD', inbox.key, 'NOMKSTREAM', digits(last) .. '-0', ...)
  end
  if not id then return false end
  if inbox.len then inbox.len = inbox.len + 1 end
  inbox.bytes = inbox.bytes + size
  inbox.hasGrown = true
  return true
end

-- Stores the sizes of the inboxes, and the last number. `fields` has more names and values for `st`.
local function save(fields)
  for node, inbox in pairs(inboxes) do
    if inbox and inbox.hasGrown then
      table.insert(fields, 'b:' .. node)
      table.insert(fields, digits(inbox.bytes))
    end
  end
  if last then
    table.insert(fields, 'last')
    table.insert(fields, digits(last))
  end
  redis.call('HSET', st, unpack(fields))
end

-- Returns the reply to a caller that Redis has forgotten, or that knows another version of the list of nodes, and nil to others.
-- Every script that adds entries gets all inboxes in KEYS, so it needs the list.
local function refusal(isRegistered, version, known)
  if not isRegistered or not version then return { 'forgotten' } end
  if version ~= known then return { 'nodes', version, redis.call('ZRANGE', nodes, 0, -1) } end
end

-- Closes sessions that this node has claimed, on the nodes that had them. `ids` is a table: node -> ids.
local function closeReplaced(ids, stamp)
  local number = digits(stamp)
  for node, list in pairs(ids) do
    local fields, size = { 'n', self, 'k', 'r', 'c', number }, 4 + #self + #number
    for _, id in ipairs(list) do
      table.insert(fields, 'i')
      table.insert(fields, id)
      size = size + 1 + #id
    end
    -- Regardless of the limits: there is at most one such entry for each session of a node.
    add(inboxOf(node), size, unpack(fields))
  end
end
