// Deliveries with a token: what the receiver does with an event, a second one, a large one.
import { error, ok, warning, type Check } from './check.ts';
import { createLargeProbe, createTestEvent, PROBE } from './events.ts';
import { isNoAnswer, type Answer, type Delivery, type NoAnswer } from './send.ts';

/** Sends a delivery to the signed URL. */
export type Post = (delivery: Delivery) => Promise<Answer | NoAnswer>;

/** Larger than 100 KiB, which parsers accept by default, and smaller than 1 MiB, the limit of a receiver. */
const LARGE_BODY_BYTES = 512 * 1024;
const ANNOUNCED_BYTES = 1024 ** 3;
const ANNOUNCED_TIMEOUT_MS = 3000;

const describe = (answer: Answer | NoAnswer): string =>
  isNoAnswer(answer) ? answer.failure : `${answer.status} ${answer.code ?? ''}`.trimEnd();

const isAnswered = (answer: Answer | NoAnswer, ...codes: string[]): boolean =>
  !isNoAnswer(answer) && answer.status === 200 && codes.includes(answer.code ?? '');

const OTHER_SECRET =
  'Compare the secret and the `endpoint` of the receiver with those of this command: quotes, whitespace, ' +
  'a .env file that only one of them reads, another server behind the same address.';

/** Checks that the receiver accepts the token, with an event that it drops. */
export const checkToken = async (post: Post): Promise<Check> => {
  const answer = await post({ body: PROBE });
  if (isAnswered(answer, 'ignored')) return ok('token', 'A token of the secret is accepted.');
  const isRefused = !isNoAnswer(answer) && answer.status === 401;
  return isRefused
    ? error('token', 'The token is refused with 401.', OTHER_SECRET)
    : error(
        'token',
        `An event with a token is not accepted: ${describe(answer)}.`,
        'Read the log.',
      );
};

const KEPT =
  'It is an event of test mode: the handler of failed tasks runs, unless the receiver has testEvents: "ignore".';

const STORING_FAILED = 'Is the inbox running? The log of the receiver has the reason.';

/** Delivers an event of test mode twice. */
export const checkEvents = async (post: Post, taskId: string): Promise<Check[]> => {
  const body = createTestEvent(taskId);
  const first = await post({ body });
  if (isAnswered(first, 'ignored')) {
    return [ok('event', 'The receiver ignores events of test mode, so nothing was kept.')];
  }
  if (!isAnswered(first, 'accepted')) {
    const message = `The event ${taskId} is not accepted: ${describe(first)}.`;
    return [error('event', message, STORING_FAILED)];
  }
  const accepted = ok('event', `The event ${taskId} is accepted and kept. ${KEPT}`);
  return [accepted, describeDuplicate(await post({ body }))];
};

const describeDuplicate = (answer: Answer | NoAnswer): Check => {
  if (isAnswered(answer, 'duplicate')) {
    return ok('duplicate', 'The same event again is a duplicate, and is acknowledged.');
  }
  if (isAnswered(answer, 'accepted')) {
    const message = 'The same event again is accepted as new, so it is handled twice.';
    return warning('duplicate', message, 'Servers behind one address must share one inbox.');
  }
  const message = `The same event again is not acknowledged: ${describe(answer)}.`;
  return error('duplicate', message, 'Novita would repeat it five times. Read the log.');
};

/** Checks that a large event arrives, and that one without end is refused before it is read. */
export const checkSize = async (post: Post): Promise<Check> => {
  const large = await post({ body: createLargeProbe(LARGE_BODY_BYTES) });
  const size = `${LARGE_BODY_BYTES / 1024} KiB`;
  if (!isAnswered(large, 'ignored')) {
    const advice = 'Mount the webhooks before a body parser, and look at the limit of a proxy.';
    return error('size', `An event of ${size} is not accepted: ${describe(large)}.`, advice);
  }
  const endless = await post({ announcedBytes: ANNOUNCED_BYTES, timeoutMs: ANNOUNCED_TIMEOUT_MS });
  if (!isNoAnswer(endless) && endless.status === 413) {
    return ok(
      'size',
      `An event of ${size} is accepted, one of 1 GiB is refused before it is read.`,
    );
  }
  const message = `A body of 1 GiB is not refused by its header: ${describe(endless)}.`;
  return warning(
    'size',
    message,
    'Set limits.maxBodyBytes of the receiver, or the limit of a proxy.',
  );
};
