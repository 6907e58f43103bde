import { startChild, type Child, type StartOptions } from '../lib/child.ts';
import type { EngineName, Place } from '../lib/engines/engine.ts';
import { engines } from '../lib/engines/index.ts';
import type { InboxReply, InboxRequest, OpenRequest } from './protocol.ts';

export type InboxProcess = Child<InboxRequest, InboxReply>;

/** A new inbox with one process that adds events and processes that handle them. */
export interface InboxProcesses {
  readonly place: Place;
  readonly web: InboxProcess;
  /** They handle entries after a `start` request. */
  readonly workers: readonly InboxProcess[];
  end(): Promise<void>;
}

export interface InboxProcessesOptions {
  readonly child: StartOptions;
  /** 0: the process that adds events also handles them. */
  readonly workers: number;
  readonly concurrency: number;
}

export async function startInboxProcesses(
  engine: EngineName,
  options: InboxProcessesOptions,
): Promise<InboxProcesses> {
  const { child, concurrency } = options;
  const place = await engines[engine].createPlace();
  const processes: InboxProcess[] = [];

  async function start(role: OpenRequest['role']): Promise<InboxProcess> {
    const one: InboxProcess = startChild(child);
    processes.push(one);
    await one.request({ type: 'open', engine, location: place.location, role, concurrency });
    return one;
  }

  const web = await start(options.workers === 0 ? 'both' : 'web');
  const workers: InboxProcess[] = options.workers === 0 ? [web] : [];
  for (let index = 0; index < options.workers; index += 1) {
    workers.push(await start('worker'));
  }
  return {
    place,
    web,
    workers,
    async end() {
      for (const one of processes.reverse()) {
        await one.request({ type: 'close' });
        await one.end();
      }
      await place.remove();
    },
  };
}

/** CPU time of several processes so far, in milliseconds. */
export async function totalCpuMs(processes: readonly InboxProcess[]): Promise<number> {
  const replies = await Promise.all(processes.map((one) => one.request({ type: 'read' })));
  return replies.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
}
