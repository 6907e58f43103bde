// What the same server answers to other methods and at addresses beside the given one.
import { ok, skipped, warning, type Check } from './check.ts';
import { withPath, type Endpoint } from './endpoint.ts';
import { PROBE } from './events.ts';
import { describeRedirect, isReceiver } from './route.ts';
import { isNoAnswer, send } from './send.ts';

/** Checks that a GET, which a browser sends, is no page. */
export const checkMethod = async ({ url }: Endpoint): Promise<Check> => {
  const answer = await send(url.href, { method: 'GET' });
  if (isNoAnswer(answer)) return warning('method', `GET: ${answer.failure}.`, 'Read the log.');
  const { status } = answer;
  if (status === 405) return ok('method', 'GET is answered 405: deliveries are POST.');
  if (status === 404) return ok('method', 'GET is answered 404: only POST has a route.');
  const message = `GET is answered ${status}, and should be 405.`;
  return warning(
    'method',
    message,
    'Is another route on the same path? It may take deliveries, too.',
  );
};

const toggleSlash = (path: string): string =>
  path.endsWith('/') ? path.replace(/\/+$/, '') : `${path}/`;

/** Checks the address with a slash at its end, or without it. */
export const checkSlash = async ({ url }: Endpoint): Promise<Check> => {
  const other = toggleSlash(url.pathname);
  if (other === '') return skipped('slash', 'The path is /, which has no other form.');
  const answer = await send(withPath(url.href, other), { body: PROBE });
  if (isReceiver(answer)) return ok('slash', `${other} leads to the receiver, too.`);
  const only = `Give Novita exactly ${url.pathname}.`;
  if (isNoAnswer(answer)) return warning('slash', `${other}: ${answer.failure}.`, only);
  if (answer.status < 300 || answer.status >= 400) {
    return ok('slash', `${other} is answered ${answer.status}. ${only}`);
  }
  return warning('slash', `${other} ${describeRedirect(url, answer)}: events are lost.`, only);
};

/** Checks what answers at the http address beside an https one. */
export const checkHttp = async (
  { url }: Endpoint,
  address: string = url.href.replace(/^https:/, 'http:'),
): Promise<Check | undefined> => {
  if (url.protocol !== 'https:' || url.port !== '') return undefined;
  const answer = await send(address, { body: PROBE });
  if (isNoAnswer(answer)) return ok('http', 'Nothing answers at the http address.');
  if (isReceiver(answer)) {
    const message = 'The receiver also answers at the http address, where a token can be read.';
    return warning(
      'http',
      message,
      'Close port 80, or redirect it, and give Novita https URLs only.',
    );
  }
  const isRedirect = answer.status >= 300 && answer.status < 400;
  const what = isRedirect ? 'redirects' : `answers ${answer.status}`;
  return ok(
    'http',
    `The http address ${what}. Events that are sent there are lost: give Novita https.`,
  );
};
