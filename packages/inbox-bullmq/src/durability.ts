import type { Logger } from '@novita-webhooks/core';

import type { Connection } from './connection.ts';

/** Says in the log in which ways this Redis may lose what was acknowledged. */
export async function reportDurability(connection: Connection, log: Logger): Promise<void> {
  try {
    const warnings = warningsFor(await readSettings(connection));
    for (const warning of warnings) log.warn({}, warning);
    if (warnings.length === 0) log.debug({}, 'Redis keeps on disk what it has acknowledged');
  } catch (error) {
    const message =
      'could not ask Redis how it is configured; an acknowledged event is only safe with ' +
      'appendonly yes, appendfsync always and maxmemory-policy noeviction';
    log.warn({ error: (error as Error).message }, message);
  }
}

/** What of its configuration decides whether an acknowledged event can be lost. `null`: not told. */
export interface Settings {
  readonly appendonly: boolean | null;
  readonly appendfsync: string | null;
  readonly policy: string | null;
  /** Whether it writes on without fsync while the append-only file is rewritten. */
  readonly restsInRewrite: boolean;
  readonly replicas: number;
}

async function readSettings(connection: Connection): Promise<Settings> {
  const info = toFields(await connection.run((client) => client.info()));
  const config = await readConfig(connection);
  const aof = info.get('aof_enabled');
  return {
    appendonly: aof === undefined ? null : aof === '1',
    appendfsync: config.get('appendfsync') ?? null,
    restsInRewrite: config.get('no-appendfsync-on-rewrite') === 'yes',
    replicas: Number(info.get('connected_slaves') ?? 0),
    policy: info.get('maxmemory_policy') ?? config.get('maxmemory-policy') ?? null,
  };
}

/** Managed servers often forbid it. */
async function readConfig(connection: Connection): Promise<ReadonlyMap<string, string>> {
  try {
    const flat = await connection.run((client) => client.config('GET', '*append*'));
    return new Map(
      flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1] ?? '']] : [])),
    );
  } catch {
    return new Map();
  }
}

function toFields(info: string): ReadonlyMap<string, string> {
  const lines = info.split(/\r?\n/).filter((line) => line.includes(':'));
  return new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1)];
    }),
  );
}

/** In plain words, and what to do about it. */
export function warningsFor(settings: Settings): string[] {
  const { policy, replicas } = settings;
  const warnings = fileWarnings(settings);
  if (replicas > 0) {
    warnings.push(
      'Redis has replicas: when one takes over, events are lost that were acknowledged and not yet ' +
        'copied. Set min-replicas-to-write to narrow that',
    );
  }
  if (policy !== null && policy !== 'noeviction') {
    warnings.push(
      `Redis throws data away when memory runs out (maxmemory-policy ${policy}): acknowledged ` +
        'events, or the locks that keep an event from being handled twice at a time. Set noeviction',
    );
  }
  return warnings;
}

function fileWarnings({ appendonly, appendfsync, restsInRewrite }: Settings): string[] {
  const warnings: string[] = [];
  if (appendonly === false) {
    warnings.push(
      'Redis keeps no append-only file: when it ends, events are lost that were acknowledged. ' +
        'Set appendonly yes and appendfsync always',
    );
  } else if (appendonly === null) {
    warnings.push(
      'Redis does not say whether it keeps an append-only file; without one, events are lost that ' +
        'were acknowledged',
    );
  } else if (appendfsync === 'everysec') {
    warnings.push(
      'Redis writes to disk once a second (appendfsync everysec): when it or its machine ends, up ' +
        'to two seconds of acknowledged events can be lost. Set appendfsync always to lose none',
    );
  } else if (appendfsync === 'no') {
    warnings.push(
      'Redis leaves it to the kernel when to write to disk (appendfsync no): acknowledged events of ' +
        'half a minute can be lost. Set appendfsync always to lose none',
    );
  } else if (restsInRewrite) {
    warnings.push(
      'Redis does not wait for the disk while it rewrites its append-only file ' +
        '(no-appendfsync-on-rewrite yes): acknowledged events can be lost then. Set it to no',
    );
  }
  return warnings;
}
