-- Sets an attribute of a session, or clears it when there is no value. Returns the result of `touch`.
-- ARGV[2]: attribute; ARGV[3]: value
if ARGV[3] then
  redis.call('HSET', info, ARGV[2], ARGV[3])
else
  redis.call('HDEL', info, ARGV[2])
end
-- A new key has no time to live.
if redis.call('PTTL', info) == -1 then redis.call('PEXPIRE', info, ttl) end
return touch()
