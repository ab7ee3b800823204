-- Returns those of some watchers of a URI that still watch it. Removes those whose information has expired, or that were forgotten.
-- KEYS: watchers of the URI, URIs that each session watches
-- ARGV: URI, the sessions
local ids = {}
for index = 2, #KEYS do
  if redis.call('SISMEMBER', KEYS[index], ARGV[1]) == 1 then
    table.insert(ids, ARGV[index])
  else
    -- A replica refuses it.
    redis.pcall('ZREM', KEYS[1], ARGV[index])
  end
end
return ids
