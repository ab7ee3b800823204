-- Removes the oldest entries of a dead node's inbox, to make room, and counts their messages by sender. Each call removes some.
-- KEYS[4...]: inbox, entries that were removed from it
-- ARGV[4...]: node of the inbox; maximum number of entries, and of bytes; size of the next entry; time to live of the keys in ms
-- Returns 1 when there is room, and 0 when the next call has to continue.
local inbox, lost = KEYS[4], KEYS[5]
local node, maxLen, maxBytes, size, ttl = unpack(ARGV, 4, 8)
maxLen, maxBytes, size = tonumber(maxLen), tonumber(maxBytes), tonumber(size)

-- Number of entries and of bytes that one call removes. Redis serves other clients between two calls.
local ENTRIES_PER_CALL, BYTES_PER_CALL = 1000, 1048576

local len, bytes = redis.call('XLEN', inbox), tonumber(redis.call('HGET', st, 'b:' .. node) or 0)
-- More room than is needed, so that the next entries find room, too.
local function hasRoom() return len == 0 or len <= maxLen * 7 / 8 and bytes + size <= maxBytes * 7 / 8 end
if hasRoom() or deadFor(node) <= nodeTtl then return 1 end

local senders, removed, removedBytes = {}, 0, 0
while not hasRoom() and removed < ENTRIES_PER_CALL and removedBytes < BYTES_PER_CALL do
  local average = math.max(1, bytes / len)
  local surplus = math.max(len - maxLen * 7 / 8, (bytes + size - maxBytes * 7 / 8) / average)
  local count = math.min(math.ceil(surplus), BYTES_PER_CALL / average / 8, 64)
  local entries = redis.call('XRANGE', inbox, '-', '+', 'COUNT', math.max(1, math.floor(count)))
  for _, entry in ipairs(entries) do
    local fields = entry[2]
    local sender, kind, messages
    for index = 1, #fields do
      removedBytes = removedBytes + #fields[index]
      bytes = bytes - #fields[index]
      if index % 2 == 1 then
        if fields[index] == 'n' then sender = fields[index + 1] end
        if fields[index] == 'k' then kind = fields[index + 1] end
        if fields[index] == 'c' then messages = tonumber(string.match(fields[index + 1], '^%d+$') or 1) end
      end
    end
    -- In an entry with a kind, 'c' is a stamp. Another program may have written any number.
    local count = kind and 1 or math.min(messages or 1, 1e6)
    if sender then senders[sender] = (senders[sender] or 0) + count end
  end
  len = len - #entries
  removed = removed + #entries
  redis.call('XTRIM', inbox, 'MAXLEN', len)
end
for sender, count in pairs(senders) do redis.call('HINCRBY', lost, sender, digits(count)) end
redis.call('PEXPIRE', lost, ttl)
redis.call('HSET', st, 'b:' .. node, digits(len == 0 and 0 or math.max(0, bytes)))
return hasRoom() and 1 or 0
