/** Our own scripts. Each runs beside one of BullMQ's, in one transaction with it where it says so. */
export interface Script {
  readonly name: string;
  /** Where it is not given, it is told with every call. */
  readonly numberOfKeys?: number;
  readonly lua: string;
}

/**
 * In one transaction with BullMQ's addStandardJob, once for each job, which follow: says which of them
 * are going to be added, and clears the way where a drifted entry has to give way. INCRBY comes first:
 * when there is no memory it fails before anything was taken away. No job may be named twice.
 *
 * KEYS: completed, failed, delayed, prioritized, active, wait, stalled, arrivals, counter, endpoints,
 * and the jobs. ARGV: endpoint, ids of the jobs; then for each '1' when its entry fits the schema.
 */
export const admit: Script = {
  name: 'novitaAdmit',
  lua: `
local SETS = 10
local count = #KEYS - SETS
local order = redis.call('INCRBY', KEYS[9], count) - count

local function isDrifted(job, id)
  if redis.call('ZSCORE', KEYS[1], id) then return false end
  local isJson, entry = pcall(cjson.decode, redis.call('HGET', job, 'data') or '')
  return isJson and type(entry) == 'table' and type(entry.drift) == 'string'
end

local function remove(job, id)
  redis.call('ZREM', KEYS[2], id)
  redis.call('ZREM', KEYS[3], id)
  redis.call('ZREM', KEYS[4], id)
  redis.call('LREM', KEYS[5], 0, id)
  redis.call('LREM', KEYS[6], 0, id)
  redis.call('SREM', KEYS[7], id)
  redis.call('DEL', job, job .. ':lock', job .. ':logs')
end

local answers = {}
for index = 1, count do
  local job, id, fits = KEYS[SETS + index], ARGV[1 + index], ARGV[1 + count + index]
  local isThere = redis.call('EXISTS', job) == 1
  if isThere and fits == '1' and isDrifted(job, id) then
    remove(job, id)
    isThere = false
  end
  if isThere then
    redis.call('ZADD', KEYS[8], 'NX', order + index, id)
    answers[index] = 0
  else
    redis.call('ZADD', KEYS[8], order + index, id)
    answers[index] = 1
  end
end
redis.call('SADD', KEYS[10], ARGV[1])
return answers
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
