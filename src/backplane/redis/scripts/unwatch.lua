-- Makes a session stop watching a URI.
-- ARGV[4]: URI
redis.call('SREM', watching, ARGV[4])
redis.call('ZREM', watchers .. ARGV[4], id)
