-- Continues to remove a session from the watchers of URIs, where `forget.lua` has stopped. Returns the key while something is
-- left, otherwise nil.
-- ARGV[4]: key of the URIs
return forgetSome(ARGV[4])
