import {
  createReceiver,
  createTaskResultClient,
  memoryInbox,
  PermanentError,
  type Inbox,
  type Logger,
  type NewEntry,
  type Receiver,
  type RequestBody,
} from '@novita-webhooks/core';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import fc from 'fast-check';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

import { API_KEY, PASSWORD, PROMPT, SECRET, SIGNATURE } from './support/canaries.ts';
import { dump } from './support/dump.ts';

const LINK = `https://results.example.com/f.png?X-Amz-Date=20260301T101500Z&X-Amz-Expires=3600&X-Amz-Signature=${SIGNATURE}`;

type HandlerFault = 'none' | 'throws' | 'permanent' | 'not an error';
type ApiAnswer = 'result' | 'echo' | 'throws' | 'rejects' | 'unknown';
type InboxFault = 'none' | 'add' | 'get';

interface Plan {
  readonly texts: readonly string[];
  readonly status: string;
  readonly breakJson: 'no' | 'cut' | 'event type' | 'task id' | 'schema';
  readonly form: 'text' | 'bytes' | 'parsed' | 'stream that fails' | 'consumed';
  readonly handlerFault: HandlerFault;
  readonly inboxFault: InboxFault;
  readonly apiAnswer: ApiAnswer;
  readonly confirm: boolean;
  readonly tokenFault: 'none' | 'cut' | 'twice' | 'as path';
  readonly method: string;
}

/** `{token}` becomes the callback URL of the delivery. */
const TEXTS = [LINK, PROMPT, '{token}', `see {token} and ${LINK}`, `${PROMPT} {token}`, 'ok'];

const plans: fc.Arbitrary<Plan> = fc.record({
  texts: fc.array(fc.constantFrom(...TEXTS), { minLength: 9, maxLength: 9 }),
  status: fc.constantFrom(
    'TASK_STATUS_SUCCEED',
    'TASK_STATUS_FAILED',
    'TASK_STATUS_QUEUED',
    PROMPT,
  ),
  breakJson: fc.constantFrom('no', 'no', 'no', 'cut', 'event type', 'task id', 'schema'),
  form: fc.constantFrom('text', 'text', 'bytes', 'parsed', 'stream that fails', 'consumed'),
  handlerFault: fc.constantFrom('none', 'throws', 'permanent', 'not an error'),
  inboxFault: fc.constantFrom('none', 'none', 'none', 'add', 'get'),
  apiAnswer: fc.constantFrom('result', 'echo', 'throws', 'rejects', 'unknown'),
  confirm: fc.boolean(),
  tokenFault: fc.constantFrom('none', 'none', 'none', 'none', 'cut', 'twice', 'as path'),
  method: fc.constantFrom('POST', 'POST', 'POST', 'POST', 'PUT'),
});

/** It is accepted, so that each run of the test has a body in the inbox. */
const HARMLESS: Plan = {
  texts: Array.from({ length: 9 }, () => `{token} ${PROMPT} ${LINK}`),
  ...{ status: 'TASK_STATUS_SUCCEED', breakJson: 'no', form: 'text', handlerFault: 'none' },
  ...{ inboxFault: 'none', tokenFault: 'none', method: 'POST' },
  ...{ apiAnswer: 'result', confirm: true },
};

/** In each run of the test: what an answer of the API brings is not stored, or its `fetch` fails. */
const EXAMPLES: readonly Plan[] = [
  HARMLESS,
  { ...HARMLESS, confirm: false, inboxFault: 'add' },
  { ...HARMLESS, apiAnswer: 'throws' },
  { ...HARMLESS, apiAnswer: 'echo' },
];

function eventOf({ texts, status, breakJson }: Plan, url: string, taskId: string): unknown {
  const [t0 = '', t1 = '', t2 = '', t3 = '', t4 = '', t5 = '', t6 = '', t7 = '', t8 = ''] =
    texts.map((text) => text.replaceAll('{token}', url));
  const task = {
    task_id: breakJson === 'task id' ? { t0 } : taskId,
    status,
    reason: t1,
    task_type: t2,
  };
  return {
    ...(breakJson === 'event type' ? { type: t0 } : { event_type: 'ASYNC_TASK_RESULT' }),
    payload: {
      task,
      extra: { seed: t3, webhook: { url }, prompt: t4, [t5]: t6 },
      images:
        breakJson === 'schema' ? t7 : [{ image_url: t7, image_url_ttl: '3600', image_type: t8 }],
    },
  };
}

function bodyOf({ form, breakJson }: Plan, event: unknown): RequestBody {
  const whole = JSON.stringify(event);
  const text = breakJson === 'cut' ? whole.slice(0, -7) : whole;
  if (form === 'bytes') return Buffer.from(text);
  if (form === 'parsed') return { parsed: event };
  if (form === 'consumed') return undefined;
  if (form === 'text') return text;
  return (async function* () {
    yield text;
    throw new Error(`read failed after ${text}`);
  })();
}

/** A client whose API answers with what it must not repeat, or whose `fetch` throws it. */
function createApi({ apiAnswer, texts }: Plan) {
  const answer = (taskId: string, headers: unknown) => {
    if (apiAnswer === 'throws') throw new Error(`fetch failed: ${JSON.stringify(headers)}`);
    const echoed = JSON.stringify({ reason: API_KEY, message: texts, headers });
    if (apiAnswer === 'echo') return new Response(echoed, { status: 400 });
    if (apiAnswer === 'rejects') return new Response(echoed, { status: 401 });
    const unknown = JSON.stringify({ reason: 'TASK_NOT_FOUND', message: texts });
    if (apiAnswer === 'unknown') return new Response(unknown, { status: 404 });
    const task = { task_id: taskId, status: 'TASK_STATUS_SUCCEED', reason: LINK };
    return Response.json({ task, extra: { prompt: PROMPT }, images: [{ image_url: LINK }] });
  };
  return createTaskResultClient({
    apiKey: API_KEY,
    retry: { maxAttempts: 1 },
    fetch: async (url, init) =>
      answer(new URL(url).searchParams.get('task_id') ?? '', init.headers),
  });
}

/** An expectation that is due at once. */
const awaited = (taskId: string): NewEntry => ({
  ...{ endpoint: 'novita', taskId, status: '', taskType: '', schemaError: 'no result' },
  ...{ body: JSON.stringify({ until: 0, media: 'image' }), metadata: { orderId: 42 } },
  ...{ testMode: false, receivedAt: 0, source: 'expectation', traceparent: null, tokenId: null },
});

/** Everything that a receiver says, by where it says it. */
type Said = Record<string, unknown[]>;

async function run(
  plan: Plan,
  openInbox: () => Inbox,
  taskId: string,
): Promise<{ said: Said; mac: string }> {
  const said: Said = { logs: [], replies: [], errors: [], bodies: [], entries: [], figures: [] };
  const at = (level: string) => (details: object, message: string) => {
    said['logs']?.push([level, details, message, details instanceof Error ? details.stack : '']);
  };
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
  const inbox = openInbox();
  const refused = () =>
    Promise.reject(new Error(`connect postgres://user:${PASSWORD}@db.example/app failed`));
  const receiver: Receiver = createReceiver({
    ...{ url: 'https://hooks.example.com/novita', secret: SECRET, logger },
    inbox: {
      ...inbox,
      add: (entry) => (plan.inboxFault === 'add' ? refused() : inbox.add(entry)),
      get: (key) => (plan.inboxFault === 'get' ? refused() : inbox.get(key)),
    },
    ...{ retry: { maxAttempts: 1 }, confirm: plan.confirm, taskResults: createApi(plan) },
    onTaskFinished: (result, context) => fail(plan.handlerFault, result, url, context.taskId),
    onTaskProgress: () => fail(plan.handlerFault, {}, url, taskId),
  });
  const url = await receiver.createCallbackUrl({ metadata: { orderId: 42 } });
  const mac = url.split('.').at(-1) ?? '';
  const event = eventOf(plan, url, taskId);
  const { search } = new URL(url);
  const target = {
    none: `/novita${search}`,
    cut: `/novita${search.slice(0, -1)}`,
    twice: `/novita${search}&${search.slice(1)}`,
    'as path': `/novita/${search.slice(7)}`,
  }[plan.tokenFault];
  const headers = {
    authorization: `Bearer ${API_KEY}`,
    'x-prompt': PROMPT,
    referer: url,
    traceparent: LINK,
  };
  for (let delivery = 0; delivery < 2; delivery += 1) {
    const request = { method: plan.method, url: target, headers, body: bodyOf(plan, event) };
    said['replies']?.push(await receiver.handle(request));
  }
  for (const wrong of [event, JSON.stringify(event), { ...(event as object), mac: PROMPT }]) {
    await receiver.processEntry(wrong).catch((error: unknown) => said['errors']?.push(error));
  }
  await inbox.add(awaited(`${taskId}-awaited`));
  for (const id of [taskId, `${taskId}-awaited`]) {
    const waiting = receiver.result(id, { timeoutMs: 1 });
    // The error of an inbox is passed on as it is.
    await waiting.catch(
      (error: unknown) => plan.inboxFault !== 'get' && said['errors']?.push(error),
    );
  }
  const { payload } = event as { payload: object };
  for (const unusable of [JSON.stringify(payload), { payload }, JSON.stringify(event).slice(1)]) {
    await receiver
      .processUnverified(unusable)
      .catch((error: unknown) => said['errors']?.push(error));
  }
  await receiver.idle({ timeoutMs: 10_000 });
  await collect(receiver, inbox, said);
  await receiver.close();
  return { said, mac };
}

function fail(fault: HandlerFault, result: unknown, url: string, taskId: string): void {
  const message = `cannot save ${LINK} of ${taskId}; was called at ${url}`;
  const cause = new Error(`GET ${LINK}: 403`);
  if (fault === 'throws') throw new Error(message, { cause });
  if (fault === 'permanent') throw new PermanentError(message, { cause });
  // eslint-disable-next-line @typescript-eslint/only-throw-error
  if (fault === 'not an error') throw { message, result, code: LINK };
}

async function collect(receiver: Receiver, inbox: Inbox, said: Said): Promise<void> {
  const { entries } = await inbox.list({ limit: 100 });
  const exported: unknown[] = [];
  for await (const line of inbox.export()) exported.push(JSON.parse(line));
  const stored = await Promise.all(entries.map((entry) => inbox.get(entry)));
  for (const entry of [...entries, ...stored, ...exported]) {
    const { body, ...rest } = (entry ?? {}) as { body?: unknown };
    said['bodies']?.push(body);
    said['entries']?.push(rest);
  }
  said['figures']?.push(await receiver.stats(), receiver.refusedDeliveries(), await inbox.groups());
  said['figures']?.push(await receiver.check({ request: false }));
}

const folder = await mkdtemp(join(tmpdir(), 'canaries-'));
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
let files = 0;
const inboxes = {
  memory: () => memoryInbox(),
  SQLite: () => sqliteInbox({ path: join(folder, `${(files += 1)}.db`) }),
};

test.each(Object.entries(inboxes))(
  'with the %s inbox, no secret, token, key, link or prompt of any input gets where it must not',
  async (name, openInbox) => {
    let [runs, kept] = [0, 0];
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        runs += 1;
        const { said, mac } = await run(plan, openInbox, `task-${runs}`);
        for (const [where, values] of Object.entries(said)) {
          const text = dump(values);
          if (where === 'bodies' && text.includes(SIGNATURE)) kept += 1;
          const never = { SECRET, mac, API_KEY, PASSWORD };
          const inBodies = where === 'bodies' ? {} : { SIGNATURE, PROMPT };
          for (const [what, canary] of Object.entries({ ...never, ...inBodies })) {
            expect(text.includes(canary), `${what} in ${where}: ${around(text, canary)}`).toBe(
              false,
            );
          }
        }
      }),
      { numRuns: name === 'memory' ? 150 : 30, examples: EXAMPLES.map((plan) => [plan]) },
    );
    expect(kept).toBeGreaterThan(0); // bodies hold links: the search finds what is there
  },
  120_000,
);

function around(text: string, canary: string): string {
  const index = text.indexOf(canary);
  return text.slice(Math.max(0, index - 200), index + 100);
}
