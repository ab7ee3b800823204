-- Put before the scripts about one session.
-- KEYS: info, watching; each script may add more
-- ARGV: time to live in ms; each script may add more
local info, watching = KEYS[1], KEYS[2]
local ttl = tonumber(ARGV[1])

-- Extends the time to live of the information about the session. Skipped while more than three quarters of it are left, because
-- the URIs that the session watches have to be extended, too. Returns 1 when that is due, and `extend.lua` does it. On a replica,
-- which refuses writes, it does nothing, so that the scripts that only read work.
local function touch()
  local left = ttl
  for _, key in ipairs({ info, watching }) do
    local keyTtl = redis.call('PTTL', key)
    if keyTtl ~= -2 then left = math.min(left, keyTtl) end
  end
  if left > ttl * 0.75 then return 0 end
  local extended = redis.pcall('PEXPIRE', info, ttl)
  if type(extended) == 'table' and extended.err then return 0 end
  return redis.call('PEXPIRE', watching, ttl)
end
