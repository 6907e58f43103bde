import { isTestToken } from '../shared/token-id.ts';
import type { Entry } from './ports.ts';

type Origin = Pick<Entry, 'source' | 'tokenId' | 'testMode'> & Partial<Pick<Entry, 'originalBody'>>;

/**
 * Whether the API is not asked about an entry: Novita simulated the task, as the signed token says, or
 * an operator has corrected the body.
 */
export function hasFinalBody({ tokenId, testMode, originalBody = null }: Origin): boolean {
  return (testMode && isTestToken(tokenId)) || originalBody !== null;
}

/** Whether nothing but the sender says what the result is. */
export function needsConfirmation(entry: Origin): boolean {
  return entry.source !== 'sweep' && !hasFinalBody(entry);
}
