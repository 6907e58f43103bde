import { accepting } from './accept.ts';
import { refusing } from './reject.ts';
import { routing } from './route.ts';
import type { AdapterCase } from './adapter-subject.ts';
import { transport } from './transport.ts';

/**
 * What every adapter has to do, on a real socket.
 *
 * @example
 * for (const contractCase of adapterContract) {
 *   test(contractCase.name, ({ skip }) => runCase(contractCase, () => subject, async () => {}, skip));
 * }
 */
export const adapterContract: readonly AdapterCase[] = [
  ...accepting,
  ...transport,
  ...routing,
  ...refusing,
];
