-- Makes a session watch a URI, as the last of its watchers. A session that watches it already keeps its place.
-- Returns the result of `touch`.
-- KEYS[3]: watchers of the URI
-- ARGV[2]: session; ARGV[3]: URI
local watchers, id, uri = KEYS[3], ARGV[2], ARGV[3]
-- A session that was forgotten may not have been removed from the watchers yet.
if redis.call('SADD', watching, uri) == 1 then redis.call('ZREM', watchers, id) end
local last = redis.call('ZRANGE', watchers, -1, -1, 'WITHSCORES')[2] or 0
redis.call('ZADD', watchers, 'NX', last + 1, id)
-- Other watchers of the URI may have a longer time to live.
if redis.call('PTTL', watchers) < ttl then redis.call('PEXPIRE', watchers, ttl) end
if redis.call('PTTL', watching) == -1 then redis.call('PEXPIRE', watching, ttl) end
return touch()
