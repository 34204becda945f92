/**
 * The Lua scripts of the Redis engine. Each keeps one step of the contract (state.ts) atomic on one slot. An entry is
 * a hash: p payload, x expires at, c consumed at, f spent for, v version, e its epoch where it is single-use, and its
 * links (g, s, g:<client>; mac, tries, a:<guess id> of a one-time code). Time is Redis's own plus the caller's offset; a
 * key's TTL only cleans up, a minute later, and decides nothing.
 */
const clock = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(ARGV[1])
local function server()
  return string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
end
`;

/**
 * Before anything else, in the same step: the epoch of the bucket (id of its server, n its number, at its begin) is
 * the one the caller knows, and this server is the one it began on. Redis gives a new replication id to whatever may go
 * on without what was written before: a restart, a promoted replica, an instance that its snapshot was copied to. So what
 * was redeemed in writes that were lost is redeemed nowhere, by nobody, not even by a process that has not noticed.
 */
const fence = `${clock}
local prefix = string.sub(KEYS[1], 1, 11)
local epoch = redis.call('HMGET', prefix .. 'epoch', 'n', 'id', 'at')
-- While a slot moves, what is not here may be on the other node: asked for two keys, a cluster then refuses.
if not epoch[1] then redis.call('EXISTS', KEYS[1], prefix .. 'epoch') end
if epoch[1] ~= ARGV[2] or epoch[2] ~= server() then return redis.error_reply('EPOCH another') end
local function live(k)
  local h = redis.call('HMGET', k, 'x', 'c', 'e')
  return h[1] and tonumber(h[1]) > now and (not h[3] or h[3] == epoch[1]), h[2] == '0'
end
local function entry(k)
  local h = redis.call('HMGET', k, 'p', 'x', 'c', 'v', 'e')
  if not h[1] or tonumber(h[2]) <= now or (h[5] and h[5] ~= epoch[1]) then return false end
  return h
end
`;

/** KEYS: epoch of a bucket. ARGV: offset. */
export const look = `${clock}
local h = redis.call('HMGET', KEYS[1], 'id', 'n')
return {server(), h[1] or '', h[2] or '0'}
`;

/** KEYS: epoch of a bucket. ARGV: offset, number, server it was agreed for, its begin by the caller's clock (ms). */
export const begin = `${clock}
if server() ~= ARGV[3] then return redis.error_reply('EPOCH another') end
local at = tonumber(ARGV[4])
-- The later of two clocks: an assertion is refused rather than taken twice.
if at > 0 then at = math.max(at, now) end
redis.call('HSET', KEYS[1], 'id', ARGV[3], 'n', ARGV[2], 'at', string.format('%.0f', at))
return 1
`;

/** KEYS: epoch of a bucket. ARGV: offset, epoch. Nothing but the fence: whether the bucket may be served. */
export const stand = `${fence}
return 1
`;

/** KEYS: entry. ARGV: offset, epoch, client. */
export const load = `${fence}
local e = entry(KEYS[1])
if not e then return false end
local l = redis.call('HMGET', KEYS[1], 'g', 's', 'g:' .. ARGV[3])
local function beside(k)
  local found = entry(k)
  if not found then redis.call('EXISTS', KEYS[1], k) end
  return found
end
local g, s = false, false
if l[1] or l[3] then g = beside(prefix .. 'g:' .. (l[1] or l[3])) end
if l[2] then s = beside(prefix .. 's:' .. l[2]) end
return {e, g, s}
`;

/**
 * KEYS: every key of the batch, then the audit stream. ARGV: offset, epoch, bound of the stream, the batch as JSON with
 * key indexes, then the payload of each put, then each event: what is JSON already is not quoted into another. An entry is
 * written over and what it no longer has taken out, never deleted first: a slot that moves takes no new key, and what
 * it took so far would stand.
 */
export const commit = `${fence}
local b = cjson.decode(ARGV[4])
local stream = KEYS[#KEYS]
local payloads = 4
local events = payloads + #b.put
if #ARGV > events and redis.call('XLEN', stream) >= tonumber(ARGV[3]) then return {'full'} end
if b.usableFrom and b.usableFrom < tonumber(epoch[3]) then return {'stale'} end
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
    if p.single then f[#f + 1] = 'e'; f[#f + 1] = epoch[1] end
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

/** KEYS: code. ARGV: offset, epoch, MAC, guess id, tries allowed. */
export const guess = `${fence}
if not live(KEYS[1]) then return '{"outcome":"dead"}' end
local mine = 'a:' .. ARGV[4]
local h = redis.call('HMGET', KEYS[1], 'c', 'mac', 'tries', mine, 'p')
if h[4] then return h[4] end
local tries = tonumber(h[3] or '0')
if h[1] ~= '0' or tries >= tonumber(ARGV[5]) then return '{"outcome":"dead"}' end
local answer
if h[2] == ARGV[3] then
  answer = cjson.encode({outcome = 'right', subject = h[5]})
  redis.call('HSET', KEYS[1], 'c', now)
else
  answer = cjson.encode({outcome = 'wrong', triesLeft = tonumber(ARGV[5]) - tries - 1})
  redis.call('HSET', KEYS[1], 'tries', tries + 1)
end
redis.call('HSET', KEYS[1], mine, answer)
return answer
`;

/** KEYS: counter. ARGV: offset, epoch, window in ms, limit. */
export const count = `${fence}
local h = redis.call('HMGET', KEYS[1], 'x', 'v')
local used, untilMs = 0, now + tonumber(ARGV[3])
if h[1] and tonumber(h[1]) > now then used = tonumber(h[2]); untilMs = tonumber(h[1]) end
local ending = string.format('%.0f', untilMs)
if used >= tonumber(ARGV[4]) then return {0, used, ending} end
redis.call('HSET', KEYS[1], 'x', ending, 'v', used + 1)
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', untilMs - now + 60000))
return {1, used + 1, ending}
`;
