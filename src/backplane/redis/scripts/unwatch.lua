-- Makes a session stop watching a URI.
-- KEYS: URIs that the session watches, watchers of the URI
-- ARGV: session, URI
redis.call('SREM', KEYS[1], ARGV[2])
redis.call('ZREM', KEYS[2], ARGV[1])
