-- ARGV[4]: uri
redis.call('SREM', watching, ARGV[4])
redis.call('ZREM', watchers .. ARGV[4], id)
