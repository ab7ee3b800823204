-- Removes a session from the watchers of some URIs that it watched before it was forgotten. Returns 1 when it may have watched
-- more, otherwise 0.
-- KEYS: URIs that the session watches now, URIs that it watched before, the watchers of each URI
-- ARGV: session, the URIs
local watching, forgotten = KEYS[1], KEYS[2]
for index = 3, #KEYS do
  local uri = ARGV[index - 1]
  redis.call('SREM', forgotten, uri)
  -- The session may watch the URI again.
  if redis.call('SISMEMBER', watching, uri) == 0 then redis.call('ZREM', KEYS[index], ARGV[1]) end
end
return redis.call('EXISTS', forgotten)
