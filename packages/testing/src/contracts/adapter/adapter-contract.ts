import { acceptCases } from './accept.ts';
import type { AdapterCase } from './adapter-subject.ts';
import { bodyLimitCases } from './body-limits.ts';
import { parsedBodyCases } from './parsed-body.ts';
import { rejectCases } from './reject.ts';
import { routeCases } from './route.ts';
import { transportCases } from './transport.ts';

/**
 * What every adapter must do: one case per requirement, on a server that listens on 127.0.0.1.
 *
 * @example
 * for (const contractCase of adapterContract) {
 *   test(contractCase.name, ({ skip }) => runCase(contractCase, () => subject, async () => {}, skip));
 * }
 */
export const adapterContract: readonly AdapterCase[] = [
  ...acceptCases,
  ...parsedBodyCases,
  ...transportCases,
  ...routeCases,
  ...rejectCases,
  ...bodyLimitCases,
];
