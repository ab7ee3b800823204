-- Whether another node has a session. The lists of dead nodes are gone.
-- KEYS: nodes   ARGV: id, the asking node, what the keys of lists begin with
for _, node in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if node ~= ARGV[2] and redis.call('SISMEMBER', ARGV[3] .. node, ARGV[1]) == 1 then return 1 end
end
return 0
