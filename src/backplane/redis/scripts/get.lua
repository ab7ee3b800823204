-- Returns an attribute of a session, and the cursor of `touch`.
-- ARGV[4]: attribute
local cursor = touch()
return { redis.call('HGET', info, ARGV[4]), cursor }
