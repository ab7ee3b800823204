-- Removes the information about a session. What it watched is renamed, so that it watches nothing from now on, and
-- `forget_some.lua` removes it from the watchers. Returns 1 when it watched anything, otherwise 0.
-- KEYS: info, URIs that the session watches, the new key
redis.call('DEL', KEYS[1])
if redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
-- The new key keeps the time to live, in case the node ends before everything is removed.
redis.call('RENAME', KEYS[2], KEYS[3])
return 1
