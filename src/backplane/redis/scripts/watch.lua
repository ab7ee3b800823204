-- Makes a session watch a URI, as the last of its watchers. A session that watches it already keeps its place.
-- Returns the cursor of `touch`.
-- ARGV[4]: URI
local key = watchers .. ARGV[4]
-- A session that was forgotten may not have been removed from the watchers yet.
if redis.call('SADD', watching, ARGV[4]) == 1 then redis.call('ZREM', key, id) end
local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2] or 0
redis.call('ZADD', key, 'NX', last + 1, id)
-- Other watchers of the URI may have a longer time to live.
if redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, ttl) end
if redis.call('PTTL', watching) == -1 then redis.call('PEXPIRE', watching, ttl) end
return touch()
