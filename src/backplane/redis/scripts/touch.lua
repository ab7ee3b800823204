-- Put before the scripts about one session.
-- KEYS: info, watching
-- ARGV: time to live in ms, prefix of the keys of URIs' watchers, id; each script may add more
local info, watching = KEYS[1], KEYS[2]
local ttl, watchers, id = tonumber(ARGV[1]), ARGV[2], ARGV[3]

-- Extends the time to live of everything about the session. Skipped while more than three quarters of it are left, because
-- the cost depends on how many URIs the session watches.
local function touch()
  local left = ttl
  for _, key in ipairs({ info, watching }) do
    local keyTtl = redis.call('PTTL', key)
    if keyTtl ~= -2 then left = math.min(left, keyTtl) end
  end
  if left > ttl * 0.75 then return end
  redis.call('PEXPIRE', info, ttl)
  redis.call('PEXPIRE', watching, ttl)
  for _, uri in ipairs(redis.call('SMEMBERS', watching)) do
    if redis.call('PTTL', watchers .. uri) < ttl then redis.call('PEXPIRE', watchers .. uri, ttl) end
  end
end
