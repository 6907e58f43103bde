import { ENGINES, type EngineName } from './engine.ts';
import { engines } from './index.ts';

/** `BENCH_ENGINES=postgres,bullmq` measures only these. */
const wanted = process.env['BENCH_ENGINES']?.split(',') ?? ENGINES;

/** Resolves to the engines that can be used. Prints the reason for the others. */
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
