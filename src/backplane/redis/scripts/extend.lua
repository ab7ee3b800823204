-- Extends the time to live of the watchers of some URIs.
-- KEYS: the watchers of each URI
-- ARGV: time to live in ms
local ttl = tonumber(ARGV[1])
for _, watchers in ipairs(KEYS) do
  if redis.call('PTTL', watchers) < ttl then redis.call('PEXPIRE', watchers, ttl) end
end
