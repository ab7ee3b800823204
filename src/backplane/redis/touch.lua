-- Before the scripts about what is known of a session.
-- KEYS: info, watching   ARGV: time to live (ms), what the keys of watchers begin with, id, and more
local info, watching = KEYS[1], KEYS[2]
local ttl, watchers, id = tonumber(ARGV[1]), ARGV[2], ARGV[3]

-- All that is known of the session lives on. Not each time, as it costs what the session watches.
local function touch()
  local left = ttl
  for _, key in ipairs({ info, watching }) do
    local lives = redis.call('PTTL', key)
    if lives ~= -2 then left = math.min(left, lives) end
  end
  if left > ttl * 0.75 then return end
  redis.call('PEXPIRE', info, ttl)
  redis.call('PEXPIRE', watching, ttl)
  for _, uri in ipairs(redis.call('SMEMBERS', watching)) do
    if redis.call('PTTL', watchers .. uri) < ttl then redis.call('PEXPIRE', watchers .. uri, ttl) end
  end
end
