-- Returns 1 when another node has a session, otherwise 0. A dead node has no list of sessions, because it has expired.
-- KEYS: nodes
-- ARGV: id, the requesting node, prefix of the keys of the nodes' sessions
for _, node in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if node ~= ARGV[2] and redis.call('SISMEMBER', ARGV[3] .. node, ARGV[1]) == 1 then return 1 end
end
return 0
