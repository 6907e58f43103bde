// The first delivery, without a token: it tells what answers at the address.
import { error, ok, warning, type Check } from './check.ts';
import { withPath, type Endpoint } from './endpoint.ts';
import { PROBE } from './events.ts';
import { isNoAnswer, send, NOVITA_WAITS_MS, type Answer, type NoAnswer } from './send.ts';

/** Paths on which webhooks are often mounted. */
const USUAL_PATHS = [
  '/webhooks/novita',
  '/webhook/novita',
  '/novita/webhooks',
  '/novita/webhook',
  '/api/webhooks/novita',
  '/api/webhook/novita',
  '/api/novita/webhook',
  '/webhooks',
  '/webhook',
  '/novita',
  '/',
];

const toCandidates = (path: string): readonly string[] => {
  const [, first = '', rest = ''] = /^(\/[^/]*)(\/.*)?$/.exec(path) ?? [];
  const near = [path.replace(/\/+$/, ''), `${path}/`, `/api${path}`, rest, `${first}/novita`];
  const paths = [...near, ...USUAL_PATHS].filter((it) => it.startsWith('/') && it !== path);
  return [...new Set(paths)];
};

/** Whether a receiver of this library has answered. */
export const isReceiver = (answer: Answer | NoAnswer): boolean =>
  !isNoAnswer(answer) && (answer.code === 'unauthorized' || answer.code === 'ignored');

/** Looks for a receiver on paths that are near or usual. */
const guessPath = async ({ href, pathname }: URL): Promise<string | undefined> => {
  const candidates = toCandidates(pathname);
  const answers = await Promise.all(
    candidates.map((path) => send(withPath(href, path), { body: PROBE })),
  );
  return candidates.find((_path, index) => {
    const answer = answers[index];
    return answer !== undefined && isReceiver(answer);
  });
};

const adviseOnPath = async (url: URL, otherwise: string): Promise<string> => {
  const guess = await guessPath(url);
  if (guess === undefined) return otherwise;
  return `A receiver answers at ${withPath(url.origin, guess)}. Did you mean that?`;
};

const MOUNT =
  'Compare the path with that of the middleware, and mount it with app.post, not app.get.';

/** A redirect in words. */
export const describeRedirect = (url: URL, { status, location = '' }: Answer): string => {
  const target = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
  return `answers ${status} with a redirect to ${target?.href ?? 'nowhere'}`;
};

const describeAnswer = async (url: URL, answer: Answer): Promise<Check> => {
  const { status, code } = answer;
  const text = `POST ${url.pathname}`;
  if (isReceiver(answer)) return ok('route', `A receiver answers ${text}.`);
  if (status >= 300 && status < 400) {
    const message = `${text} ${describeRedirect(url, answer)}: events are lost without a trace.`;
    const advice = 'Use the final address as `url` of the receiver, also in URLs that are minted.';
    return error('route', message, advice);
  }
  if (status === 404 || status === 405) {
    const message = `No route answers ${text}: ${status}.`;
    return error('route', message, await adviseOnPath(url, MOUNT));
  }
  if (code !== undefined && status >= 500) {
    const message = `A server answers ${text} with ${status} ${code}.`;
    return error('route', message, 'Read its log.');
  }
  const message = `Another application than a receiver answers ${text}: ${status}.`;
  const advice =
    status >= 500
      ? 'Code of the server threw, or a proxy answered. Read the logs of both.'
      : 'Middleware before the webhooks may have answered: a login, a CSRF check, a page for all paths.';
  return error('route', message, await adviseOnPath(url, advice));
};

/** Checks what answers. Without a receiver, further deliveries tell nothing. */
export const checkRoute = async ({ url }: Endpoint, answer: Answer | NoAnswer): Promise<Check> => {
  if (!isNoAnswer(answer)) return describeAnswer(url, answer);
  const waits = `Novita waits ${NOVITA_WAITS_MS / 1000} seconds. Answer first, and do slow work afterwards.`;
  const advice = answer.isTimeout ? waits : 'Read the log of the server, and of a proxy before it.';
  return error('route', `POST ${url.pathname}: ${answer.failure}.`, advice);
};

/** Checks that an event without a token is refused. */
export const checkWithoutToken = ({ code, status }: Answer): Check => {
  if (code === 'unauthorized' && status === 401) {
    return ok('no token', 'An event without a token is refused with 401.');
  }
  return error(
    'no token',
    'An event without a token is accepted, so any program can send events.',
    'Pass `secret` to the receiver instead of `insecure: true`.',
  );
};

/** Checks how long the answers took. */
export const checkTimes = (durationsMs: readonly number[]): Check => {
  const slowest = Math.max(...durationsMs);
  const text = `The slowest of ${durationsMs.length} answers took ${slowest} ms; Novita waits ${NOVITA_WAITS_MS} ms`;
  if (slowest < NOVITA_WAITS_MS / 2) return ok('time', `${text}.`);
  const advice = 'Answer first, and do slow work afterwards. Look at the inbox and at middleware.';
  return (slowest < NOVITA_WAITS_MS ? warning : error)('time', `${text}.`, advice);
};
