import { accepting } from './accepting.ts';
import { refusing } from './refusing.ts';
import { routing } from './routing.ts';
import type { AdapterCase } from './subject.ts';
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
