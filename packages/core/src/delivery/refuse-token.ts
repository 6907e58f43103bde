// Deliveries that are refused because of their token: what the log says, and what is counted.
import type { TokenRefusal } from '../callback/token.ts';
import type { WarnOnce } from '../handlers/warn-once.ts';
import { WebhookError } from '../shared/errors.ts';
import type { Logger } from '../shared/logger.ts';

/** Thrown by a step of a delivery. The sender gets one reply for all refusals. */
export class RefusedTokenError extends WebhookError {
  readonly refusal: TokenRefusal;
  readonly taskId: string | undefined;

  /** @param taskId of the event, if it was read */
  constructor(refusal: TokenRefusal, taskId?: string) {
    super('unauthorized', `the token is ${refusal}`);
    this.refusal = refusal;
    this.taskId = taskId;
  }
}

/** What reporting a refusal needs. */
export interface ReportRefusalOptions {
  readonly log: Logger;
  /** For lines that a sender can cause at will. */
  readonly limitedLog: Logger;
  readonly warnOnce: WarnOnce;
  readonly countRefusal: (refusal: TokenRefusal) => void;
}

/** Counts a refusal, and logs it with what to do. */
export function reportRefusal(
  { refusal, taskId }: RefusedTokenError,
  { log, limitedLog, warnOnce, countRefusal }: ReportRefusalOptions,
): void {
  countRefusal(refusal);
  const fields = { token: refusal, ...(taskId !== undefined && { taskId }) };
  const advice = ADVICE[refusal];
  if (refusal === 'missing') warnOnce(refusal, fields, `${REFUSED} ${NO_TOKEN}`);
  else if (advice === undefined) log.debug(fields, REFUSED);
  else limitedLog.warn(fields, `${REFUSED} ${advice}`);
}

const REFUSED = 'pipeline: refused a delivery because of its token.';

/** Any sender can cause it, and a wrong callback URL too: so it is a warning once. */
const NO_TOKEN =
  'The URL has no token. Have Novita or the simulator call the URL of receiver.createCallback().';

/** The refusals that our own configuration causes. Any sender can cause the others. */
const ADVICE: Partial<Record<TokenRefusal, string>> = {
  expired:
    'The callback URL has expired. Pass a longer expiresInMs to createCallback() if its task was still running.',
  other_endpoint:
    'The callback URL is for another endpoint of this secret. Compare the endpoint option with that of the process that made it.',
  other_task:
    'The callback URL belongs to another task. Mint a URL for each task, and submit it with the webhook that submit() passes; for many tasks, mint it without oneTask. If you do, the URL has leaked.',
  unknown_key:
    'The callback URL was signed with a secret that this process does not have. Pass the same secret to the process that makes callback URLs and to this one, and keep older ones in the list.',
};
