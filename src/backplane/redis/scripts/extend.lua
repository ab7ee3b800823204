-- Continues to extend the time to live of everything about a session, where `touch` has stopped. Returns the next cursor.
-- ARGV[4]: cursor
return extend(ARGV[4])
