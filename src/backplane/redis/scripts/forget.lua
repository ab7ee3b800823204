-- Removes the information about a session. The cost depends on how many URIs it watches.
for _, uri in ipairs(redis.call('SMEMBERS', watching)) do redis.call('ZREM', watchers .. uri, id) end
redis.call('DEL', info, watching)
