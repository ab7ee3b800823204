-- Forgets a session, at the price of what it has.
for _, uri in ipairs(redis.call('SMEMBERS', watching)) do redis.call('ZREM', watchers .. uri, id) end
redis.call('DEL', info, watching)
