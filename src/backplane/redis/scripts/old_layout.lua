-- Keeps nodes of the layout before version 2 away, which used one stream for all nodes. Returns 1 when one of them is alive,
-- otherwise 0.
-- KEYS: nodes and `sent` of that layout
-- ARGV: time to live in ms
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], string.format('%.0f', now), '+inf')) do
  -- Such a node is in `sent` before it sends heartbeats. Others may be nodes of this layout: those of the prefix `x` are in
  -- `{x}:nodes`, which was the key of the prefix `{x}`.
  if redis.pcall('HEXISTS', KEYS[2], node) == 1 then return 1 end
end
-- Such a node needs a hash here, so that it fails with WRONGTYPE. A full Redis refuses SET as the first write of a script, and a
-- replica refuses everything.
redis.pcall('PEXPIRE', KEYS[2], ARGV[1])
redis.pcall('SET', KEYS[2], 'this prefix is used by nodes of a newer version', 'PX', ARGV[1])
return 0
