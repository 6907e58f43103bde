/** Our own scripts. Each runs beside one of BullMQ's, in one transaction with it where it says so. */
export interface Script {
  readonly name: string;
  readonly numberOfKeys: number;
  readonly lua: string;
}

/**
 * In one transaction with BullMQ's addStandardJob, which follows: says whether that is going to add
 * the job, and clears the way for it when a drifted entry has to give way. INCR comes first: when
 * there is no memory it fails before anything was taken away.
 *
 * KEYS: job, completed, failed, delayed, prioritized, active, wait, stalled, arrivals, counter,
 * endpoints. ARGV: job id, endpoint, '1' when the entry fits the schema.
 */
export const admit: Script = {
  name: 'novitaAdmit',
  numberOfKeys: 11,
  lua: `
local job, id = KEYS[1], ARGV[1]
local order = redis.call('INCR', KEYS[10])
if redis.call('EXISTS', job) == 1 then
  local isDrifted = false
  if ARGV[3] == '1' and not redis.call('ZSCORE', KEYS[2], id) then
    local isJson, entry = pcall(cjson.decode, redis.call('HGET', job, 'data') or '')
    isDrifted = isJson and type(entry) == 'table' and type(entry.drift) == 'string'
  end
  if not isDrifted then
    redis.call('ZADD', KEYS[9], 'NX', order, id)
    return 0
  end
  redis.call('ZREM', KEYS[3], id)
  redis.call('ZREM', KEYS[4], id)
  redis.call('ZREM', KEYS[5], id)
  redis.call('LREM', KEYS[6], 0, id)
  redis.call('LREM', KEYS[7], 0, id)
  redis.call('SREM', KEYS[8], id)
  redis.call('DEL', job, job .. ':lock', job .. ':logs')
end
redis.call('ZADD', KEYS[9], order, id)
redis.call('SADD', KEYS[11], ARGV[2])
return 1
`,
};

/**
 * Gives a lock that has run out back to the worker that had it, if nobody has taken the job since:
 * neither another worker nor the check for stalled jobs.
 *
 * KEYS: job, lock, active, stalled. ARGV: job id, token, milliseconds.
 */
export const reclaim: Script = {
  name: 'novitaReclaim',
  numberOfKeys: 4,
  lua: `
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
if redis.call('HGET', KEYS[1], 'pb') ~= ARGV[2] then return 0 end
if not redis.call('LPOS', KEYS[3], ARGV[1]) then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('SREM', KEYS[4], ARGV[1])
return 1
`,
};

/**
 * Takes ids whose jobs are gone out of the order of arrival. Returns how many were in it.
 *
 * KEYS: arrivals. ARGV: prefix of the jobs' keys, ids.
 */
export const forget: Script = {
  name: 'novitaForget',
  numberOfKeys: 1,
  lua: `
local gone = 0
for index = 2, #ARGV do
  if redis.call('EXISTS', ARGV[1] .. ARGV[index]) == 0 then
    gone = gone + redis.call('ZREM', KEYS[1], ARGV[index])
  end
end
return gone
`,
};

export const scripts: readonly Script[] = [admit, reclaim, forget];
