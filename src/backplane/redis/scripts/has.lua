-- Returns 1 when another node that is alive has a session, otherwise 0.
-- ARGV[4]: session
local value = redis.call('HGET', dir, ARGV[4])
local owner = value and string.match(value, '^([^|]*)')
return owner and owner ~= self and deadFor(owner) == 0 and 1 or 0
