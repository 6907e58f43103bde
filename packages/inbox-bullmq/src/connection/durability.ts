import type { Logger } from '@novita-webhooks/core';

import type { Connection } from './connection.ts';

/** Logs in which ways this Redis may lose an acknowledged event, and whether its clock differs. */
export async function reportDurability(connection: Connection, log: Logger): Promise<void> {
  try {
    const warnings = warningsFor(await readSettings(connection));
    for (const warning of warnings) log.warn({}, `inbox-bullmq: ${warning}`);
    if (warnings.length === 0) {
      log.debug({}, 'inbox-bullmq: Redis keeps on disk what it has acknowledged.');
    }
  } catch (error) {
    const message =
      'inbox-bullmq: the configuration of Redis could not be read. An acknowledged event is only ' +
      'safe with appendonly yes, appendfsync always and maxmemory-policy noeviction.';
    log.warn({ error: (error as Error).message }, message);
  }
}

/** What decides whether an acknowledged event can be lost. `null`: Redis does not tell. */
export interface Settings {
  readonly appendonly: boolean | null;
  readonly appendfsync: string | null;
  /** `no-appendfsync-on-rewrite` */
  readonly skipsFsync: boolean;
  readonly policy: string | null;
  readonly replicas: number;
  /** By how many milliseconds the clock of this machine is ahead of that of Redis. */
  readonly aheadMs: number;
}

async function readSettings(connection: Connection): Promise<Settings> {
  const text = await connection.run((client) => client.info());
  const info = new Map(text.split(/\r?\n/).map((line) => line.split(':', 2) as [string, string]));
  const config = await readConfig(connection);
  const [seconds, micros] = await connection.run((client) => client.time());
  const aof = info.get('aof_enabled');
  return {
    appendonly: aof === undefined ? null : aof === '1',
    appendfsync: config.get('appendfsync') ?? null,
    skipsFsync: config.get('no-appendfsync-on-rewrite') === 'yes',
    policy: info.get('maxmemory_policy') ?? null,
    replicas: Number(info.get('connected_slaves') ?? 0),
    aheadMs: Math.round(Date.now() - Number(seconds) * 1000 - Number(micros) / 1000),
  };
}

/** Managed servers often forbid it. */
async function readConfig(connection: Connection): Promise<ReadonlyMap<string, string>> {
  const flat = await connection.run((client) => client.config('GET', '*append*')).catch(() => []);
  return new Map(flat.flatMap((name, index) => (index % 2 ? [] : [[name, flat[index + 1] ?? '']])));
}

/** A smaller difference matters little to retries and retention. */
const MAX_CLOCK_DIFFERENCE_MS = 1000;

/** What can be lost and why, and what to set. */
export function warningsFor({ policy, replicas, aheadMs, ...file }: Settings): string[] {
  const warnings = fileWarnings(file);
  if (replicas > 0) {
    warnings.push(
      'Redis has replicas. When one takes over, acknowledged events that were not yet copied are ' +
        'lost. Set min-replicas-to-write to narrow that.',
    );
  }
  if (policy !== null && policy !== 'noeviction') {
    warnings.push(
      `Redis deletes data when its memory is used up (maxmemory-policy ${policy}). That may be ` +
        'acknowledged events, or locks. Set noeviction.',
    );
  }
  if (Math.abs(aheadMs) > MAX_CLOCK_DIFFERENCE_MS) {
    warnings.push(
      `the clock of this machine is ${aheadMs} ms ahead of that of Redis. BullMQ tells by it which ` +
        'retries are due. Synchronise the clocks (NTP).',
    );
  }
  return warnings;
}

type FileSettings = Pick<Settings, 'appendonly' | 'appendfsync' | 'skipsFsync'>;

function fileWarnings({ appendonly, appendfsync, skipsFsync }: FileSettings): string[] {
  const set = 'Set appendonly yes and appendfsync always.';
  if (appendonly === false) {
    return [`Redis has no append-only file. When it ends, acknowledged events are lost. ${set}`];
  }
  if (appendonly === null) {
    return [`Redis does not tell whether it has an append-only file. ${set}`];
  }
  if (appendfsync === 'everysec' || appendfsync === 'no') {
    const lost = appendfsync === 'no' ? 'half a minute' : 'two seconds';
    return [
      `Redis does not wait for the disk (appendfsync ${appendfsync}). When its machine ends, ` +
        `acknowledged events of up to ${lost} are lost. ${set}`,
    ];
  }
  if (!skipsFsync) return [];
  return [
    'Redis does not wait for the disk while it rewrites its append-only file ' +
      '(no-appendfsync-on-rewrite yes). Acknowledged events can be lost then. Set it to no.',
  ];
}
