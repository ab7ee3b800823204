-- Returns an attribute of a session, and the result of `touch`.
-- ARGV[2]: attribute
local isDue = touch()
return { redis.call('HGET', info, ARGV[2]), isDue }
