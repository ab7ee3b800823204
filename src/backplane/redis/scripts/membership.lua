-- Put after `clock.lua` before the scripts that keep a node registered.
-- KEYS[4...]: inbox, the node's sessions, entries that were removed from its inbox
-- ARGV[4]: time to live of the keys in ms
local inbox, own, lost = unpack(KEYS, 4, 6)
local keysTtl = ARGV[4]

-- Returns the id of the last entry that was ever put into the inbox.
local function inboxEnd()
  local info = redis.call('EXISTS', inbox) == 1 and redis.call('XINFO', 'STREAM', inbox) or {}
  for index = 1, #info, 2 do
    if info[index] == 'last-generated-id' then return info[index + 1] end
  end
  return '0-0'
end

-- Returns true when the node is registered and has an inbox.
local function isRegistered()
  return redis.call('ZSCORE', nodes, self) and redis.call('HEXISTS', st, 'b:' .. self) == 1
    and redis.call('EXISTS', inbox) == 1
end

-- Returns what Redis knows of the node.
local function standing(wasKnown)
  local appended, changed = unpack(redis.call('HMGET', st, 'l:' .. self, 'c:' .. self))
  return { wasKnown and 1 or 0, appended, changed, inboxEnd(), redis.call('HGETALL', lost) }
end

-- Records a heartbeat.
local function beat()
  local now = millis()
  local before = tonumber(redis.call('HGET', st, 'beat') or 0)
  if now - before > quietTtl then
    -- No node could send a heartbeat, or the clock was set forward.
    redis.call('HSET', st, 'since', digits(now))
  elseif now < before - 1000 then
    -- The clock was set back. The nodes that have left stay dead.
    redis.call('HSET', st, 'since', digits(now))
    for _, node in ipairs(redis.call('ZRANGEBYSCORE', nodes, '(0', '+inf')) do
      redis.call('ZADD', nodes, digits(now + nodeTtl), node)
    end
  end
  redis.call('HSET', st, 'beat', digits(now))
  redis.call('ZADD', nodes, digits(now + nodeTtl), self)
  for _, key in ipairs({ st, dir, nodes, inbox, own, lost }) do redis.call('PEXPIRE', key, keysTtl) end
end
