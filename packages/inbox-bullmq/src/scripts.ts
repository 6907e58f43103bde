/** Our own scripts, beside BullMQ's. */
export interface Script {
  readonly name: string;
  /** Where it is not given, it is told with every call. */
  readonly numberOfKeys?: number;
  readonly lua: string;
}

export const ADD_JOBS = 'novitaAddJobs';

/**
 * Adds jobs by BullMQ's own script, which becomes a function of this one, and says which of them were
 * not there: BullMQ's answers the same for both. A drifted entry has to give way, and so has what is
 * left of a job whose data is gone. INCRBY comes first: when there is no memory it fails before
 * anything was taken away.
 *
 * Redis takes nothing back of what a script did before an error. So a job that cannot be added, since
 * something else in the queue is broken, is taken out again: it would be a duplicate of nothing. The
 * others of its batch are none the worse for it. Only a drifted entry that gave way to it is gone.
 *
 * KEYS: completed, failed, delayed, prioritized, active, wait, stalled, arrivals, counter, endpoints;
 * then those of BullMQ's script; then the jobs. ARGV: endpoint, how many keys BullMQ's script has;
 * then of each job its id, '1' when its entry fits the schema, and the arguments of BullMQ's script.
 * Answers for each with 1 if it was added, 0 if it was there, or with an error as text.
 *
 * @param addStandardJob the text of BullMQ's script
 */
export const toAddJobs = (addStandardJob: string): Script => ({
  name: ADD_JOBS,
  lua: `
local function addStandardJob(KEYS, ARGV) -- its own in here
${addStandardJob}
end

local function isDrifted(job, id)
  if redis.call('ZSCORE', KEYS[1], id) then return false end
  return string.find(redis.call('HGET', job, 'opts') or '', '"drifted":true', 1, true) ~= nil
end

local function remove(job, id)
  redis.call('ZREM', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
  redis.call('ZREM', KEYS[3], id)
  redis.call('ZREM', KEYS[4], id)
  redis.call('LREM', KEYS[5], 0, id)
  redis.call('LREM', KEYS[6], 0, id)
  redis.call('SREM', KEYS[7], id)
  redis.call('DEL', job, job .. ':lock', job .. ':logs')
end

local function add(job, order, id, fits, ...)
  local isThere = redis.call('EXISTS', job) == 1
  local isUseless = isThere and redis.call('HEXISTS', job, 'data') == 0
  if isUseless or (isThere and fits == '1' and isDrifted(job, id)) then
    remove(job, id)
    isThere = false
  end
  if isThere then
    redis.call('ZADD', KEYS[8], 'NX', order, id)
    return 0
  end
  redis.call('ZADD', KEYS[8], order, id)
  local isAdded, problem = pcall(addStandardJob, { unpack(KEYS, 11, 10 + ARGV[2]) }, { ... })
  if isAdded then return 1 end
  redis.pcall('DEL', job)
  redis.pcall('LREM', KEYS[6], 1, id)
  error(problem, 0)
end

local first = 10 + ARGV[2]
local count = #KEYS - first
local each = (#ARGV - 2) / count
local order = redis.call('INCRBY', KEYS[9], count) - count
redis.call('SADD', KEYS[10], ARGV[1])
local answers = {}
for index = 1, count do
  local from = 3 + each * (index - 1)
  local args = { unpack(ARGV, from, from + each - 1) }
  local isDone, answer = pcall(add, KEYS[first + index], order + index, unpack(args))
  answers[index] = isDone and answer or tostring(type(answer) == 'table' and answer.err or answer)
end
return answers
`,
});

/**
 * Extends a lock; one that has run out too, if nobody has taken the job since: neither another worker
 * nor the check for stalled jobs. SREM comes first: after it Redis lets the script write even when
 * there is no memory, and whoever runs has to be able to go on and to settle.
 *
 * KEYS: job, lock, active, stalled. ARGV: job id, token, milliseconds.
 */
export const hold: Script = {
  name: 'novitaHold',
  numberOfKeys: 4,
  lua: `
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[2] then return 0 end
if not holder then
  if redis.call('HGET', KEYS[1], 'pb') ~= ARGV[2] then return 0 end
  if not redis.call('LPOS', KEYS[3], ARGV[1]) then return 0 end
end
redis.call('SREM', KEYS[4], ARGV[1])
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1
`,
};

/**
 * What is known of jobs, of all at the same moment. A script, since Redis refuses a transaction when
 * there is no memory, even one that only reads. Of each: hash, whether it is active, its scores in
 * the other sets, and for how long its lock holds.
 *
 * KEYS: active, completed, failed, delayed. ARGV: prefix of the jobs' keys, ids.
 */
export const look: Script = {
  name: 'novitaLook',
  numberOfKeys: 4,
  lua: `
local isActive = {}
for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do isActive[id] = 1 end
local jobs = {}
for index = 2, #ARGV do
  local id = ARGV[index]
  local job = ARGV[1] .. id
  jobs[index - 1] = {
    redis.call('HGETALL', job),
    isActive[id] or 0,
    redis.call('ZSCORE', KEYS[2], id),
    redis.call('ZSCORE', KEYS[3], id),
    redis.call('ZSCORE', KEYS[4], id),
    redis.call('PTTL', job .. ':lock')
  }
end
return jobs
`,
};

/**
 * What is next in a queue: how many wait, the first of them, the first that is delayed with its score,
 * how many are active, and by what the queue is held back.
 *
 * KEYS: wait, delayed, active, meta.
 */
export const peek: Script = {
  name: 'novitaPeek',
  numberOfKeys: 4,
  lua: `
return {
  redis.call('LLEN', KEYS[1]),
  redis.call('LINDEX', KEYS[1], -1),
  redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES'),
  redis.call('LLEN', KEYS[3]),
  redis.call('HMGET', KEYS[4], 'paused', 'concurrency', 'max')
}
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

export const scripts: readonly Script[] = [hold, look, peek, forget];
