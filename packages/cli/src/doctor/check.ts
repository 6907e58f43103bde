import { redactAddresses } from '@novita-webhooks/simulator/cli';

/** How a check ended. `skipped`: it could not be made, and the message says why. */
export type CheckLevel = 'ok' | 'warning' | 'error' | 'skipped';

/** What `doctor` checks. */
type CheckName =
  | 'address'
  | 'connection'
  | 'certificate'
  | 'route'
  | 'no token'
  | 'token'
  | 'event'
  | 'duplicate'
  | 'size'
  | 'method'
  | 'slash'
  | 'http'
  | 'time'
  | 'novita';

/** One check. */
export interface Check {
  readonly name: CheckName;
  readonly level: CheckLevel;
  /** What was found, as one sentence. */
  readonly message: string;
  /** What to do about it. */
  readonly advice?: string;
}

const create =
  (level: CheckLevel) =>
  (name: CheckName, message: string, advice?: string): Check => ({
    ...{ name, level, message },
    ...(advice !== undefined && { advice }),
  });

export const ok: ReturnType<typeof create> = create('ok');
export const warning: ReturnType<typeof create> = create('warning');
export const error: ReturnType<typeof create> = create('error');
export const skipped: ReturnType<typeof create> = create('skipped');

/** The check without tokens, passwords and queries of addresses: an answer may repeat what was sent. */
export const redactCheck = ({ message, advice, ...check }: Check): Check => ({
  ...check,
  message: redactAddresses(message),
  ...(advice !== undefined && { advice: redactAddresses(advice) }),
});
