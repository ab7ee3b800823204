-- Put before the rest of `append.lua`: a short way for the usual case. The call has one entry, which follows the last one, and
-- every inbox that it concerns exists and has room. Otherwise nothing is changed here, and the rest does everything. After a pause
-- between two single messages, the caches of the processor are cold, and Redis needs 1.5 times the time for the long way.
if not ARGV[12] and (ARGV[9] == 'a' or ARGV[9] == '1') then
  local call, st, self, first = redis.call, KEYS[1], ARGV[1], ARGV[5]
  local known = call('HMGET', st, 'nv', 'l:' .. self, 'b:' .. self, 'last')
  local isNext = tonumber(known[2] or 0) + 1 == tonumber(first)
  if known[1] == ARGV[4] and known[3] and known[4] and isNext then
    local now = call('TIME')
    local base, inboxes, fields = string.sub(st, 1, -3), {}, {}
    if ARGV[9] == 'a' then
      for index = 4, #KEYS do
        inboxes[index - 3] = KEYS[index]
        fields[index - 3] = 'b:' .. string.sub(KEYS[index], #base + 4)
      end
    else
      local value = call('HGET', KEYS[2], ARGV[10])
      local bar = value and string.find(value, '|', 1, true)
      local owner = bar and string.sub(value, 1, bar - 1)
      local isAlive = owner and tonumber(call('ZSCORE', KEYS[3], owner) or 0) > now[1] * 1000 + 1000
      if isAlive and owner ~= self then
        inboxes[1] = base .. 'in:' .. owner
        fields[1] = 'b:' .. owner
      end
    end

    local frame, maxLen, maxBytes = ARGV[#ARGV], tonumber(ARGV[7]), tonumber(ARGV[8])
    local size = 4 + #self + #frame
    -- Each entry is larger than `4 + #self`. So an inbox of this size has fewer entries than `maxLen`, and XLEN is not needed.
    local small = maxLen * (4 + #self)
    local sizes = inboxes[1] and call('HMGET', st, unpack(fields))
    local hasRoom = sizes
    for index, inbox in ipairs(inboxes) do
      -- The inbox of a node that is not registered may not be in KEYS.
      local bytes = tonumber(sizes[index] or maxBytes) + size
      hasRoom = bytes <= maxBytes and (bytes <= small or call('XLEN', inbox) < maxLen)
      if not hasRoom then break end
      sizes[index] = bytes
    end

    if hasRoom and call('EXISTS', unpack(inboxes)) == #inboxes then
      local number = math.max(known[4] + 1, now[1] * 1000000 + now[2])
      local last = string.format('%d%07d', math.floor(number / 1e7), number % 1e7)
      local changes = { 'l:' .. self, first, 'last', last }
      for index, inbox in ipairs(inboxes) do
        local id = redis.pcall('XADD', inbox, last .. '-0', 'n', self, 'c', '1', 'f', frame)
        if type(id) == 'table' then
          -- The rest reports the error, or adds the frame above the id that another program has used. Receivers drop a second one.
          changes = nil
          break
        end
        table.insert(changes, fields[index])
        table.insert(changes, sizes[index])
      end
      if changes then
        call('HSET', st, unpack(changes))
        return { 'upto', first }
      end
    end
  end
end
