import { WebhookError } from '../shared/errors.ts';
import { readOr } from '../shared/read-or.ts';

const has = (value: unknown, member: string): boolean =>
  readOr(() => typeof value === 'object' && value !== null && member in value, false);

const MIDDLEWARE = 'novitaWebhooks(receiver)';

/** How to mount a receiver in each framework, and how its call is recognised. */
const FRAMEWORKS: readonly {
  readonly isCall: (first: unknown, second: unknown) => boolean;
  readonly usage: string;
}[] = [
  {
    isCall: (app, reply) => has(app, 'addHook') || has(reply, 'hijack'),
    usage: 'app.register(novitaWebhooks, { path, receiver })',
  },
  {
    isCall: (_, response) => has(response, 'setHeader'),
    usage: `app.post(path, ${MIDDLEWARE}), or createServer(toNodeHandler(receiver))`,
  },
  {
    isCall: (context) => has(context, 'req') && has(context, 'request'),
    usage: `router.post(path, ${MIDDLEWARE})`,
  },
  { isCall: (event) => has(event, 'requestContext'), usage: 'toLambdaHandler(receiver)' },
  {
    isCall: (request, next) =>
      typeof next === 'function' ||
      has(request, 'req') ||
      has(
        readOr(() => (request as Request).headers, undefined),
        'append',
      ),
    usage: 'toFetchHandler(receiver)',
  },
];

/**
 * Rejects `receiver.handle` in the place of a middleware: it returns a reply and sends none, so the
 * request would never be answered.
 *
 * @throws WebhookError `invalid_argument`
 */
export function rejectFrameworkCall(request: unknown, runtime: unknown): void {
  const framework = FRAMEWORKS.find(({ isCall }) => isCall(request, runtime));
  if (framework === undefined) return;
  const message = `receiver: handle() was mounted as middleware, but it sends no reply. Mount ${framework.usage}.`;
  throw new WebhookError('invalid_argument', message);
}
