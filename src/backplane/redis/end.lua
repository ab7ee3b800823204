-- Before the scripts that say where a stream ends, also when its last entries are gone.
local function endOf(stream)
  if redis.call('EXISTS', stream) == 0 then return '0-0' end
  local about = redis.call('XINFO', 'STREAM', stream)
  for index = 1, #about, 2 do
    if about[index] == 'last-generated-id' then return about[index + 1] end
  end
end
