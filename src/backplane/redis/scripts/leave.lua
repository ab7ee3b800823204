-- Makes a node count as dead at once, until it is removed.
-- A full Redis refuses ZADD as the first write of a script.
redis.call('PEXPIRE', nodes, ARGV[4])
redis.call('ZADD', nodes, 'XX', 0, self)
