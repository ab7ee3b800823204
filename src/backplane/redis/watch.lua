-- Has a session watch a URI, behind those who do already.   ARGV[4]: uri
local uri = watchers .. ARGV[4]
redis.call('SADD', watching, ARGV[4])
local last = redis.call('ZRANGE', uri, -1, -1, 'WITHSCORES')[2] or 0
redis.call('ZADD', uri, 'NX', last + 1, id)
-- Others may watch it for longer.
if redis.call('PTTL', uri) < ttl then redis.call('PEXPIRE', uri, ttl) end
if redis.call('PTTL', watching) == -1 then redis.call('PEXPIRE', watching, ttl) end
touch()
