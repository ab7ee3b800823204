-- Returns 1 when `append.lua` may succeed for an entry that had to wait, otherwise 0. Its node asks again and again, and need not
-- send the entry each time.
-- KEYS[4]: inbox
-- ARGV[4...]: node of the inbox; maximum number of entries, and of bytes; size of the entry
local inbox, node = KEYS[4], ARGV[4]
local maxLen, maxBytes, size = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])

local len = redis.call('XLEN', inbox)
if len == 0 then
  if redis.call('EXISTS', inbox) == 1 then return 1 end
elseif len < maxLen and tonumber(redis.call('HGET', st, 'b:' .. node) or 0) + size <= maxBytes then
  return 1
end
return deadFor(node) > nodeTtl and 1 or 0
