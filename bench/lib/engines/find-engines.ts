import { ENGINES, type EngineName } from './engine.ts';
import { engines } from './index.ts';

/** `BENCH_ENGINES=postgres,bullmq` leaves the others out. */
const wanted = process.env['BENCH_ENGINES']?.split(',') ?? ENGINES;

/** Those that can be used; of the others it is said why not. */
export async function findEngines(): Promise<EngineName[]> {
  const found: EngineName[] = [];
  for (const name of ENGINES.filter((engine) => wanted.includes(engine))) {
    try {
      console.log(`${name}: ${await engines[name].describe()}`);
      found.push(name);
    } catch (error) {
      console.log(`${name}: NOT MEASURED: ${String(error)}`);
    }
  }
  return found;
}
