// Sends generated inputs to the server of one adapter, and checks what it did with them.
import fc from 'fast-check';
import { createReceiver } from '@novita-webhooks/core';
import { badCallbackUrl, TEST_SECRET } from '@novita-webhooks/testing';

import type { Corpus } from './corpus.ts';
import { codeOf, createOracle, type Oracle } from './oracle.ts';
import type { Adapter, Fault, Memory } from './protocol.ts';
import { inputs, TOKENS, type Input } from './requests.ts';
import { createClient, type Exchange } from './send.ts';
import { PATH } from './shared.ts';
import { startServer, type FuzzedServer } from './start-server.ts';

/** What a run found. */
export interface FuzzResult {
  readonly adapter: Adapter;
  readonly requests: number;
  readonly ms: number;
  /** Replies by status and code. */
  readonly counts: ReadonlyMap<string, number>;
  readonly memory: { readonly start: Memory; readonly end: Memory };
  readonly failures: readonly string[];
  /** Names of new inputs of the corpus. */
  readonly found: readonly string[];
}

export interface FuzzOptions {
  readonly adapter: Adapter;
  /** Of the inputs of each batch. */
  readonly seedOf: (batch: number) => number;
  /** Called between batches, with the number of requests so far. */
  readonly isDone: (requests: number) => boolean;
  readonly corpus: Corpus;
  readonly fault?: Fault;
  readonly connections?: number;
  /** Inputs between two reports of the server. */
  readonly batchSize?: number;
  readonly oracle?: Oracle;
}

const MAX_BATCH = 4000;
/** After these the server is warm: code is compiled, caches are full. */
const WARM_BATCHES = 2;
/** Growth of the heap after which a run fails. A leak of 500 bytes per request exceeds it in 50,000. */
const MAX_GROWTH_BYTES = 24 * 1024 * 1024;
const MAX_FAILURES = 10;

/** Fuzzes one adapter until `isDone`, or until the first batch with a failure. */
export async function runFuzz(options: FuzzOptions): Promise<FuzzResult> {
  const {
    adapter,
    seedOf,
    isDone,
    corpus,
    fault = null,
    connections = 24,
    batchSize = MAX_BATCH,
  } = options;
  const fill = await createFill();
  const server = await startServer(adapter, fault);
  const clients = Array.from({ length: connections }, () => createClient(server.port));
  const state = { ...options, oracle: options.oracle ?? createOracle(), ...newState() };
  const arbitrary = inputs(corpus.inputs, fill.put);
  const startedAt = performance.now();
  let start = (await server.report()).memory;
  let end = start;
  for (let batch = 0; !isDone(state.requests) && state.failures.length === 0; batch += 1) {
    const list = fc.sample(arbitrary, { seed: seedOf(batch), numRuns: batchSize });
    const replayed = batch === 0 ? corpus.inputs.map(toReplay(fill.put)) : [];
    const queue = [...replayed, ...list].entries();
    const acknowledged = new Set<string>();
    let accepted = 0;
    await Promise.all(
      clients.map(async (client) => {
        for (const [index, input] of queue) {
          if (server.exit() !== null) return;
          const exchange = await client.send(input);
          accepted += checkExchange(
            input,
            exchange,
            `batch ${batch}, input ${index}`,
            state,
            fill.take,
          );
          const [reply] = exchange.replies;
          if (input.taskId !== null && reply?.status === 200) acknowledged.add(input.taskId);
        }
      }),
    );
    end = (await checkReport(server, acknowledged, accepted, state)) ?? end;
    if (batch < WARM_BATCHES) start = end;
    if (end.heap - start.heap > MAX_GROWTH_BYTES) {
      state.failures.push(`the heap grew from ${toMiB(start.heap)} to ${toMiB(end.heap)}`);
    }
  }
  for (const client of clients) client.close();
  await server.stop();
  const { requests, counts, failures, found } = state;
  const ms = performance.now() - startedAt;
  return { adapter, requests, ms, counts, memory: { start, end }, failures, found };
}

interface State {
  requests: number;
  readonly counts: Map<string, number>;
  readonly failures: string[];
  readonly found: string[];
}

const newState = (): State => ({ requests: 0, counts: new Map(), failures: [], found: [] });

/** @returns how many replies acknowledge an event that was new */
function checkExchange(
  input: Input,
  exchange: Exchange,
  where: string,
  state: State & { readonly oracle: Oracle; readonly corpus: Corpus; readonly adapter: Adapter },
  take: (bytes: Buffer) => Buffer,
): number {
  state.requests += 1;
  const problems = state.oracle.problemsOf(input, exchange);
  const names = exchange.replies.map((reply) => `${reply.status}-${codeOf(reply) ?? 'framework'}`);
  for (const name of names.length > 0 ? names : ['no-reply']) {
    state.counts.set(name, (state.counts.get(name) ?? 0) + 1);
    if (state.corpus.add(name, take(input.bytes))) state.found.push(name);
  }
  if (problems.length > 0 && state.failures.length < MAX_FAILURES) {
    const name = `failure-${state.adapter}-${names[0] ?? 'no-reply'}`;
    state.corpus.add(name, take(input.bytes));
    const sent = JSON.stringify(input.bytes.subarray(0, 600).toString('latin1'));
    state.failures.push(`${where}: ${problems.join('; ')}. Sent: ${sent}`);
  }
  return names.filter((name) => name === '200-accepted').length;
}

/** Compares what was acknowledged with what the server has. @returns its memory */
async function checkReport(
  server: FuzzedServer,
  acknowledged: ReadonlySet<string>,
  accepted: number,
  { failures }: State,
): Promise<Memory | undefined> {
  try {
    const { taskIds, added, problems, memory } = await server.report();
    const kept = new Set(taskIds);
    const lost = [...acknowledged].filter((id) => !kept.has(id));
    if (lost.length > 0) failures.push(`acknowledged but not in the inbox: ${lost.join(', ')}`);
    if (accepted > added) failures.push(`${accepted} accepted, but the inbox added ${added}`);
    failures.push(...problems.slice(0, MAX_FAILURES));
    return memory;
  } catch (error) {
    failures.push(String(error));
    return undefined;
  }
}

const toReplay =
  (put: (bytes: Buffer) => Buffer) =>
  (bytes: Buffer): Input => ({
    bytes: put(bytes),
    after: 'end',
    pieces: 1,
    statuses: [],
    taskId: null,
  });

const toMiB = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;

interface Fill {
  /** Replaces `{{valid}}` and the like by tokens. */
  readonly put: (bytes: Buffer) => Buffer;
  /** The opposite, so that a kept input can be used with the tokens of a later run. */
  readonly take: (bytes: Buffer) => Buffer;
}

async function createFill(): Promise<Fill> {
  const url = `http://127.0.0.1${PATH}`;
  const receiver = createReceiver({ url, secret: TEST_SECRET, logger: false });
  const kinds = {
    forged: 'forged',
    expired: 'expired',
    other: 'otherEndpoint',
    changed: 'changed',
  } as const;
  const tokens = new Map<string, string>();
  for (const kind of TOKENS) {
    const minted =
      kind === 'valid'
        ? await receiver.createCallbackUrl({ expiresInMs: Infinity, metadata: { orderId: 42 } })
        : await badCallbackUrl(kinds[kind], url);
    tokens.set(`{{${kind}}}`, new URL(minted).searchParams.get('token') ?? '');
  }
  const replace = (bytes: Buffer, pairs: Iterable<readonly [string, string]>): Buffer => {
    let text = bytes.toString('latin1');
    for (const [from, to] of pairs) text = text.replaceAll(from, to);
    return Buffer.from(text, 'latin1');
  };
  return {
    put: (bytes) => (bytes.includes('{{') ? replace(bytes, tokens) : bytes),
    take: (bytes) =>
      replace(
        bytes,
        [...tokens].map(([name, token]) => [token, name] as const),
      ),
  };
}
