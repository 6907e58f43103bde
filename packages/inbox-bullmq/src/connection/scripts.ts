import type { Client } from './client.ts';

/**
 * Notes the order in which jobs arrive. Those that are in it keep their place.
 *
 * KEYS: arrivals, counter, endpoints. ARGV: endpoint, ids.
 */
const ARRIVE = `
local count = #ARGV - 1
local order = redis.call('INCRBY', KEYS[2], count) - count
redis.call('SADD', KEYS[3], ARGV[1])
for index = 1, count do
  redis.call('ZADD', KEYS[1], 'NX', order + index, ARGV[index + 1])
end
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
  novitaArrive(...args: readonly (string | number)[]): Promise<null>;
  novitaSearch(...args: readonly (string | number)[]): Promise<readonly number[]>;
}

/** Makes our scripts known to a client. They touch no key that BullMQ writes. */
export function defineScripts(client: Client): void {
  client.defineCommand('novitaArrive', { numberOfKeys: 3, lua: ARRIVE });
  client.defineCommand('novitaSearch', { lua: SEARCH });
}

interface Arrivals {
  readonly arrivals: string;
  readonly counter: string;
  readonly endpoints: string;
  readonly endpoint: string;
}

export async function noteArrivals(
  client: Client,
  { arrivals, counter, endpoints, endpoint }: Arrivals,
  ids: readonly string[],
): Promise<void> {
  await (client as ScriptClient).novitaArrive(arrivals, counter, endpoints, endpoint, ...ids);
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
