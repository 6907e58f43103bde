import type { Door } from './door.ts';
import type { Write } from './history.ts';
import type { VictimOptions } from './protocol.ts';
import { startVictim, type VictimProcess } from './start-server.ts';

/** The victims of one series. The door leads to those that listen. */
export interface Pool {
  /** Resolves when it listens, or is dead. */
  start(options: Partial<VictimOptions>): Promise<VictimProcess>;
  alive(): readonly VictimProcess[];
  /** Victims that ended of their own, with what they said. */
  readonly broken: readonly string[];
  /** Asks a victim to close, and kills it if it does not. */
  close(victim: VictimProcess): Promise<void>;
  killAll(): Promise<void>;
}

const PATIENCE_MS = 10_000;
/** Something is wrong with all of them. */
const TOO_MANY = 5;

export function createPool(program: string, common: VictimOptions, door: Door, write: Write): Pool {
  const ports = new Map<VictimProcess, number>();
  const victims = new Set<VictimProcess>();
  const broken: string[] = [];
  let started = 0;

  function lead(): void {
    door.leadTo([...ports.values()]);
  }

  async function forget(victim: VictimProcess): Promise<void> {
    const end = await victim.ended;
    ports.delete(victim);
    victims.delete(victim);
    lead();
    if (end === 'broken') broken.push(`${victim.name} ended of its own: ${victim.complaints()}`);
  }

  async function within(what: string, victim: VictimProcess, work: Promise<unknown>) {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), PATIENCE_MS);
    });
    const result = await Promise.race([work, late]);
    clearTimeout(timer);
    if (result !== 'late') return;
    broken.push(`${victim.name} did not ${what} in time: ${victim.complaints()}`);
    await victim.kill();
  }

  return {
    broken,
    alive: () => [...victims],
    async start(options) {
      started += 1;
      const name = `${common.victim}${started}`;
      const victim = startVictim(program, { ...common, ...options, victim: name }, write);
      victims.add(victim);
      void forget(victim);
      await within('listen', victim, victim.port);
      const port = await victim.port;
      if (port !== null && victim.isAlive()) ports.set(victim, port);
      lead();
      if (broken.length >= TOO_MANY) throw new Error(broken.join('\n'));
      return victim;
    },
    async close(victim) {
      ports.delete(victim);
      lead();
      const closed = victim.ask('close').catch(() => null); // it may be killed in the meantime
      await within('close', victim, Promise.all([closed, victim.ended]));
    },
    async killAll() {
      await Promise.all([...victims].map((victim) => victim.kill()));
    },
  };
}
