-- Put before the scripts about one session.
-- KEYS: info, watching
-- ARGV: time to live in ms, prefix of the keys of URIs' watchers, id; each script may add more
local info, watching = KEYS[1], KEYS[2]
local ttl, watchers, id = tonumber(ARGV[1]), ARGV[2], ARGV[3]

-- Number of URIs of which one call extends the time to live, or removes the session. Redis serves other clients between two
-- calls.
local URIS_PER_CALL = 500

-- Extends the time to live of some URIs' watchers. Returns the cursor at which the next call continues, '0' at the end.
local function extend(cursor)
  local next, uris = unpack(redis.call('SSCAN', watching, cursor, 'COUNT', URIS_PER_CALL))
  for _, uri in ipairs(uris) do
    if redis.call('PTTL', watchers .. uri) < ttl then redis.call('PEXPIRE', watchers .. uri, ttl) end
  end
  return next
end

-- Extends the time to live of everything about the session. Skipped while more than three quarters of it are left, because
-- the cost depends on how many URIs the session watches. Returns the cursor at which `extend.lua` continues, '0' if there is
-- nothing left to extend. On a replica, which refuses writes, it does nothing, so that the scripts that only read work.
local function touch()
  local left = ttl
  for _, key in ipairs({ info, watching }) do
    local keyTtl = redis.call('PTTL', key)
    if keyTtl ~= -2 then left = math.min(left, keyTtl) end
  end
  if left > ttl * 0.75 then return '0' end
  local extended = redis.pcall('PEXPIRE', info, ttl)
  if type(extended) == 'table' and extended.err then return '0' end
  redis.call('PEXPIRE', watching, ttl)
  return extend('0')
end

-- Removes the session from the watchers of some URIs that it watched before it was forgotten. Returns the key of the URIs
-- while some are left, otherwise nil.
local function forgetSome(forgotten)
  for _, uri in ipairs(redis.call('SPOP', forgotten, URIS_PER_CALL)) do
    -- The session may watch the URI again.
    if redis.call('SISMEMBER', watching, uri) == 0 then redis.call('ZREM', watchers .. uri, id) end
  end
  return redis.call('EXISTS', forgotten) == 1 and forgotten
end
