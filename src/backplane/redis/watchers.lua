-- Who watches a URI, in the order they came; those nothing is known of any more are dropped.
-- KEYS: watchers of the URI   ARGV: what the keys of what sessions watch begin with
local ids = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if redis.call('EXISTS', ARGV[1] .. id) == 1 then
    table.insert(ids, id)
  else
    redis.call('ZREM', KEYS[1], id)
  end
end
return ids
