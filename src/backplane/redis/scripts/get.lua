-- Returns an attribute of a session.
-- ARGV[4]: attribute
touch()
return redis.call('HGET', info, ARGV[4])
