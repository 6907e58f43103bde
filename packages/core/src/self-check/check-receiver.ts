import * as z from 'zod';

import type { Inbox } from '../inbox/ports.ts';
import { parseArgument, strictOptions } from '../shared/check-options.ts';
import type { Clock } from '../shared/clock.ts';
import type { TaskResultClient } from '../task-results/client.ts';
import { findProblems, type Checked } from './find-problems.ts';
import type { Finding, FindingCode } from './finding.ts';
import { checkApi, checkInbox, probeUrl } from './probe.ts';
import { checkWaiting } from './waiting-results.ts';

/** How far `receiver.check()` goes. */
export interface CheckOptions {
  /** Whether to post to `url`, and to ask the Task Result API. Default `true`. */
  readonly request?: boolean | undefined;
  /** Milliseconds for the inbox, the API and the request to answer, each; default 5 s. */
  readonly timeoutMs?: number | undefined;
}

interface CheckParts {
  readonly inbox: Inbox;
  readonly endpoint: string;
  readonly clock: Clock;
  readonly taskResults: TaskResultClient | null;
  readonly checked: () => Checked;
  /** A callback URL of the receiver. */
  readonly mintUrl: () => Promise<string>;
}

const schema = strictOptions({
  request: z.boolean().default(true),
  timeoutMs: z.number().positive().default(5000),
});

/**
 * What `receiver.check()` finds.
 *
 * @throws WebhookError `invalid_argument`
 */
export async function checkReceiver(
  options: CheckOptions,
  { inbox, endpoint, clock, taskResults, checked, mintUrl }: CheckParts,
): Promise<readonly Finding[]> {
  const { request, timeoutMs } = parseArgument('check', schema, options);
  const { url, secrets } = checked().options;
  const isProbed = request && url !== null && secrets?.length !== 0;
  const { path } = checked();
  const probe = async () => (isProbed ? probeUrl(await mintUrl(), timeoutMs, path) : []);
  const askApi = async () =>
    request && taskResults !== null ? checkApi(taskResults, clock, timeoutMs) : [];
  const [ofProbe, ...others] = await Promise.all([
    probe(),
    checkInbox({ inbox, clock }, timeoutMs),
    checkWaiting({ inbox, endpoint, clock }, timeoutMs),
    askApi(),
  ]);
  const isAnswered = isProbed && ofProbe.every(({ code }) => !UNANSWERED.has(code));
  // Where url leads is known then: the path alone only hints at it.
  const known = findProblems(checked()).filter(
    ({ code }) => !isAnswered || code !== 'path_differs',
  );
  return [...known, ...others.flat(), ...ofProbe];
}

const UNANSWERED: ReadonlySet<FindingCode> = new Set(['url_unreachable', 'url_not_answered']);
