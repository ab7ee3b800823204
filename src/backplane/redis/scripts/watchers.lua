-- Returns the sessions that watch a URI, in the order in which they began. Removes those whose information has expired, or
-- that were forgotten.
-- KEYS: watchers of the URI
-- ARGV: prefix of the keys of sessions' URIs, URI
local ids = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if redis.call('SISMEMBER', ARGV[1] .. id, ARGV[2]) == 1 then
    table.insert(ids, id)
  else
    -- A replica refuses it.
    redis.pcall('ZREM', KEYS[1], id)
  end
end
return ids
