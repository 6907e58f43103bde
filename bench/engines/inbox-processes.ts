import { startChild, type Child, type StartOptions } from '../lib/child.ts';
import type { EngineName, Place } from '../lib/engines/engine.ts';
import { engines } from '../lib/engines/index.ts';
import type { EngineAnswer, EngineQuestion, OpenQuestion } from './protocol.ts';

export type EngineProcess = Child<EngineQuestion, EngineAnswer>;

/** A fresh inbox, a process that takes events and, if there are any, some that handle them. */
export interface Team {
  readonly place: Place;
  readonly web: EngineProcess;
  /** Nobody handles anything before they are asked to. */
  readonly workers: readonly EngineProcess[];
  end(): Promise<void>;
}

export interface TeamOptions {
  readonly child: StartOptions;
  /** 0: the process that takes events handles them, too. */
  readonly workers: number;
  readonly concurrency: number;
}

export async function startTeam(engine: EngineName, options: TeamOptions): Promise<Team> {
  const { child, concurrency } = options;
  const place = await engines[engine].createPlace();
  const processes: EngineProcess[] = [];

  async function start(role: OpenQuestion['role']): Promise<EngineProcess> {
    const one: EngineProcess = startChild(child);
    processes.push(one);
    await one.ask({ type: 'open', engine, location: place.location, role, concurrency });
    return one;
  }

  const web = await start(options.workers === 0 ? 'both' : 'web');
  const workers: EngineProcess[] = options.workers === 0 ? [web] : [];
  for (let index = 0; index < options.workers; index += 1) {
    workers.push(await start('worker'));
  }
  return {
    place,
    web,
    workers,
    async end() {
      for (const one of processes.reverse()) {
        await one.ask({ type: 'close' });
        await one.end();
      }
      await place.remove();
    },
  };
}

/** Processor time of several processes until now, in milliseconds. */
export async function cpuOf(processes: readonly EngineProcess[]): Promise<number> {
  const answers = await Promise.all(processes.map((one) => one.ask({ type: 'read' })));
  return answers.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
}
