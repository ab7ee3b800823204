-- What is known of a session.   ARGV[4]: fact
touch()
return redis.call('HGET', info, ARGV[4])
