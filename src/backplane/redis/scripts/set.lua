-- Sets an attribute of a session, or clears it when there is no value. Returns the cursor of `touch`.
-- ARGV[4]: attribute; ARGV[5]: value
if ARGV[5] then
  redis.call('HSET', info, ARGV[4], ARGV[5])
else
  redis.call('HDEL', info, ARGV[4])
end
-- A new key has no time to live.
if redis.call('PTTL', info) == -1 then redis.call('PEXPIRE', info, ttl) end
return touch()
