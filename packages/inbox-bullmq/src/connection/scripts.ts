import type { Client } from './client.ts';

/**
 * Notes the order in which jobs arrive. Those that are in it keep their place. A token for one task is
 * noted with the first job that has it. Returns of each job whether its token is that of another one;
 * nothing of such a job is noted.
 *
 * KEYS: arrivals, counter, endpoints, tokens, bound. ARGV: endpoint; of each job its id, and its token or
 * an empty text.
 */
const ARRIVE = `
local count = (#ARGV - 1) / 2
local order = redis.call('INCRBY', KEYS[2], count) - count
local areTaken = {}
redis.call('SADD', KEYS[3], ARGV[1])
for index = 1, count do
  local id, token = ARGV[2 * index], ARGV[2 * index + 1]
  areTaken[index] = 0
  if token ~= '' then
    if redis.call('HSETNX', KEYS[4], token, id) == 1 then
      local others = redis.call('HGET', KEYS[5], id)
      redis.call('HSET', KEYS[5], id, others and others .. ' ' .. token or token)
    elseif redis.call('HGET', KEYS[4], token) ~= id then
      areTaken[index] = 1
    end
  end
  if areTaken[index] == 0 then redis.call('ZADD', KEYS[1], 'NX', order + index, id) end
end
return areTaken
`;

/**
 * Deletes what is noted of jobs. Returns of how many there was an order.
 *
 * KEYS: arrivals, tokens, bound. ARGV: ids.
 */
const FORGET = `
local forgotten = 0
for _, id in ipairs(ARGV) do
  for token in string.gmatch(redis.call('HGET', KEYS[3], id) or '', '%S+') do
    redis.call('HDEL', KEYS[2], token)
  end
  redis.call('HDEL', KEYS[3], id)
  forgotten = forgotten + redis.call('ZREM', KEYS[1], id)
end
return forgotten
`;

/**
 * Looks for a text in the data of each job, since to read the data costs half of what to add it costs.
 * It relies on the name of a field of BullMQ's: 0 means no more than that the text was not found.
 *
 * KEYS: jobs. ARGV: texts.
 */
const SEARCH = `
local found = {}
for index, job in ipairs(KEYS) do
  local data = redis.pcall('HGET', job, 'data')
  found[index] = type(data) == 'string' and string.find(data, ARGV[index], 1, true) and 1 or 0
end
return found
`;

interface ScriptClient extends Client {
  novitaArrive(...args: readonly (string | number)[]): Promise<readonly number[]>;
  novitaForget(...args: readonly (string | number)[]): Promise<number>;
  novitaSearch(...args: readonly (string | number)[]): Promise<readonly number[]>;
}

/** Makes our scripts known to a client. They touch no key that BullMQ writes. */
export function defineScripts(client: Client): void {
  client.defineCommand('novitaArrive', { numberOfKeys: 5, lua: ARRIVE });
  client.defineCommand('novitaForget', { numberOfKeys: 3, lua: FORGET });
  client.defineCommand('novitaSearch', { lua: SEARCH });
}

/** The keys in which a queue notes its jobs. */
export interface Notes {
  /** In which order the jobs arrived: a sorted set. */
  readonly arrivals: string;
  /** Which job has a token for one task: a hash. */
  readonly tokens: string;
  /** Which tokens a job has: a hash. */
  readonly bound: string;
}

interface Arrivals extends Notes {
  readonly counter: string;
  readonly endpoints: string;
  readonly endpoint: string;
}

interface ArrivedJob {
  readonly id: string;
  /** Only a token for one task. */
  readonly token: string | null;
}

/** Of each job, whether its token is that of another one. */
export async function noteArrivals(
  client: Client,
  { arrivals, counter, endpoints, tokens, bound, endpoint }: Arrivals,
  jobs: readonly ArrivedJob[],
): Promise<readonly boolean[]> {
  const keys = [arrivals, counter, endpoints, tokens, bound];
  const args = jobs.flatMap(({ id, token }) => [id, token ?? '']);
  const areTaken = await (client as ScriptClient).novitaArrive(...keys, endpoint, ...args);
  return areTaken.map((one) => one === 1);
}

/** Deletes what is noted of jobs. Returns of how many there was an order. */
export async function forgetArrivals(
  client: Client,
  { arrivals, tokens, bound }: Notes,
  ids: readonly string[],
): Promise<number> {
  return (client as ScriptClient).novitaForget(arrivals, tokens, bound, ...ids);
}

/** Of each key, whether the text at the same place was found in it. */
export async function search(
  client: Client,
  keys: readonly string[],
  texts: readonly string[],
): Promise<readonly boolean[]> {
  const found = await (client as ScriptClient).novitaSearch(keys.length, ...keys, ...texts);
  return found.map((one) => one === 1);
}
