-- Removes the information about a session. What it watched is renamed, so that it watches nothing from now on, and
-- `forget_rest.lua` can continue. Returns the new key while something is left, otherwise nil.
-- ARGV[4]: prefix of the new key
redis.call('DEL', info)
if redis.call('EXISTS', watching) == 0 then return false end
local time = redis.call('TIME')
local forgotten = ARGV[4] .. id .. ':' .. time[1] .. '.' .. time[2]
-- The new key keeps the time to live, in case the node ends before everything is removed.
redis.call('RENAME', watching, forgotten)
return forgetSome(forgotten)
