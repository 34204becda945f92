/**
 * The Lua scripts of the Redis engine. Each keeps one step of the contract (state.ts) atomic on one slot. An entry is
 * a hash: p payload, x expires at, c consumed at, f spent for, v version, and its links (g, s, g:<client>; mac, tries,
 * a:<guess id> of a one-time code). Time is Redis's own plus the caller's offset; a key's TTL only cleans up, a
 * minute later, and decides nothing.
 */
const clock = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(ARGV[1])
local function live(k)
  local h = redis.call('HMGET', k, 'x', 'c')
  return h[1] and tonumber(h[1]) > now, h[2] == '0'
end
local function entry(k)
  local h = redis.call('HMGET', k, 'p', 'x', 'c', 'v')
  if not h[1] or tonumber(h[2]) <= now then return false end
  return h
end
`;

/** KEYS: entry. ARGV: offset, client, prefix of the slot (`egret:{07}:`). */
export const load = `${clock}
local e = entry(KEYS[1])
if not e then return false end
local l = redis.call('HMGET', KEYS[1], 'g', 's', 'g:' .. ARGV[2])
local function beside(k)
  local found = entry(k)
  -- While a slot moves, what is not here may be on the other node: asked for two keys, a cluster then refuses.
  if not found then redis.call('EXISTS', KEYS[1], k) end
  return found
end
local g, s = false, false
if l[1] or l[3] then g = beside(ARGV[3] .. 'g:' .. (l[1] or l[3])) end
if l[2] then s = beside(ARGV[3] .. 's:' .. l[2]) end
return {e, g, s}
`;

/**
 * KEYS: every key of the batch, then the audit stream. ARGV: offset, bound of the stream, the batch as JSON with key
 * indexes, then the payload of each put, then each event: what is JSON already is not quoted into another. An entry is
 * written over and what it no longer has taken out, never deleted first: a slot that moves takes no new key, and what
 * it took so far would stand.
 */
export const commit = `${clock}
local b = cjson.decode(ARGV[3])
local stream = KEYS[#KEYS]
local payloads = 3
local events = payloads + #b.put
if #ARGV > events and redis.call('XLEN', stream) >= tonumber(ARGV[2]) then return {'full'} end
for _, i in ipairs(b.need) do
  local stands, unspent = live(KEYS[i])
  if not (stands and unspent) then return {'gone'} end
end
if b.absent and live(KEYS[b.absent]) then return {'present'} end
if b.compare then
  local e = entry(KEYS[b.compare.key])
  if not e then return {'gone'} end
  if tonumber(e[4]) ~= b.compare.version then return {'conflict', e} end
end
local repeated = false
if b.spend then
  local s = b.spend
  local e = entry(KEYS[s.key])
  if not e then return {'gone'} end
  if e[3] == '0' then
    redis.call('HSET', KEYS[s.key], 'c', now, 'f', s['for'])
  else
    local heir = s.successor and entry(KEYS[s.successor])
    if s.window and now - tonumber(e[3]) <= s.window and heir and heir[3] == '0' then
      repeated = true
    else
      return {'spent'}
    end
  end
end
for n, p in ipairs(b.put) do
  if not (repeated and p.once) then
    local k = KEYS[p.key]
    local f = {'p', ARGV[payloads + n], 'x', string.format('%.0f', p.expiresAt), 'c', '0', 'v', p.version or 0}
    for name, value in pairs(p.links or {}) do f[#f + 1] = name; f[#f + 1] = value end
    local before = redis.call('HKEYS', k)
    redis.call('HSET', k, unpack(f))
    if #before > 0 then
      local now_has, stale = {}, {}
      for i = 1, #f, 2 do now_has[f[i]] = true end
      for _, name in ipairs(before) do if not now_has[name] then stale[#stale + 1] = name end end
      if #stale > 0 then redis.call('HDEL', k, unpack(stale)) end
    end
    redis.call('PEXPIRE', k, string.format('%.0f', math.max(p.expiresAt - now, 0) + 60000))
  end
end
for _, i in ipairs(b.remove) do redis.call('DEL', KEYS[i]) end
for n = events + 1, #ARGV do redis.call('XADD', stream, '*', 'e', ARGV[n]) end
return {'ok', repeated and '1' or '0'}
`;

/** KEYS: code. ARGV: offset, MAC, guess id, tries allowed. */
export const guess = `${clock}
if not live(KEYS[1]) then return '{"outcome":"dead"}' end
local mine = 'a:' .. ARGV[3]
local h = redis.call('HMGET', KEYS[1], 'c', 'mac', 'tries', mine, 'p')
if h[4] then return h[4] end
local tries = tonumber(h[3] or '0')
if h[1] ~= '0' or tries >= tonumber(ARGV[4]) then return '{"outcome":"dead"}' end
local answer
if h[2] == ARGV[2] then
  answer = cjson.encode({outcome = 'right', subject = h[5]})
  redis.call('HSET', KEYS[1], 'c', now)
else
  answer = cjson.encode({outcome = 'wrong', triesLeft = tonumber(ARGV[4]) - tries - 1})
  redis.call('HSET', KEYS[1], 'tries', tries + 1)
end
redis.call('HSET', KEYS[1], mine, answer)
return answer
`;

/** KEYS: counter. ARGV: offset, window in ms, limit. */
export const count = `${clock}
local h = redis.call('HMGET', KEYS[1], 'x', 'v')
local used, untilMs = 0, now + tonumber(ARGV[2])
if h[1] and tonumber(h[1]) > now then used = tonumber(h[2]); untilMs = tonumber(h[1]) end
local ending = string.format('%.0f', untilMs)
if used >= tonumber(ARGV[3]) then return {0, used, ending} end
redis.call('HSET', KEYS[1], 'x', ending, 'v', used + 1)
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', untilMs - now + 60000))
return {1, used + 1, ending}
`;
