-- Removes entries that a node has read from its inbox. Returns their number.
-- KEYS: st, inbox
-- ARGV: node, id of the first entry that stays, size of the entries that are removed
local st, inbox = unpack(KEYS)
local node, first, size = unpack(ARGV)

local removed = redis.call('XTRIM', inbox, 'MINID', first)
local field = 'b:' .. node
local bytes = redis.call('HGET', st, field)
if bytes then
  -- Entries of other programs are in the inbox, but not in its size.
  local isEmpty = redis.call('XLEN', inbox) == 0
  redis.call('HSET', st, field, string.format('%.0f', isEmpty and 0 or math.max(0, bytes - size)))
end
return removed
