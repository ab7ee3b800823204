-- Put before the scripts about nodes, inboxes and the directory.
-- KEYS: st, dir, nodes; each script may add more
-- ARGV: the calling node; ms without a heartbeat after which a node counts as dead; ms without a heartbeat of any node after
--       which Redis, or every node, was away; each script may add more
local st, dir, nodes = KEYS[1], KEYS[2], KEYS[3]
local self, nodeTtl, quietTtl = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

-- Returns a number without an exponent. In two parts, because '%.0f' is slow with high numbers, and '%d' may have 32 bits.
local function digits(number)
  if number < 1e7 then return string.format('%d', number) end
  return string.format('%d%07d', math.floor(number / 1e7), number % 1e7)
end

-- Returns the time in microseconds.
local time
local function micros()
  if not time then
    local now = redis.call('TIME')
    time = now[1] * 1000000 + now[2]
  end
  return time
end

-- Returns the time in milliseconds.
local function millis() return math.floor(micros() / 1000) end

-- Returns the next number of the sequence of entries and claims: the time, or more. So the sequence continues above the numbers
-- that Redis has lost. `last` is the last number if the caller has read it.
local last
local function nextNumber()
  last = last or tonumber(redis.call('HGET', st, 'last') or 0)
  last = math.max(last + 1, micros())
  return last
end

-- Returns for how many ms a node has been dead. 0 for a node that is alive. `math.huge` for one that has left, or that is not
-- registered. No node is dead after a time in which no node could send a heartbeat, until it had `nodeTtl` to do so.
local function deadFor(node)
  local score = tonumber(redis.call('ZSCORE', nodes, node) or 0)
  if score <= 0 then return math.huge end
  local now = millis()
  if score >= now then return 0 end
  local beat, since = unpack(redis.call('HMGET', st, 'beat', 'since'))
  if not beat or not since or now - beat > quietTtl then return 0 end
  return math.max(0, now - math.max(score, since + nodeTtl))
end
