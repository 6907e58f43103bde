// Which results wait for the Task Result API. Used by receiver.check().
import type { EntryGroup, Inbox } from '../inbox/ports.ts';
import { LONG_WAIT_MS, WAITING } from '../inbox/waiting-reason.ts';
import { LATE, withDeadline, type Clock } from '../shared/clock.ts';
import { finding, type Finding } from './finding.ts';

interface WaitingParts {
  readonly inbox: Inbox;
  readonly endpoint: string;
  readonly clock: Clock;
}

/** Looks at entries of all processes, also if this one does not ask. An inbox that fails is no finding here. */
export async function checkWaiting(parts: WaitingParts, timeoutMs: number): Promise<Finding[]> {
  const { inbox, endpoint, clock } = parts;
  if (inbox.capabilities.addOnly) return [];
  const filter = { endpoint, states: ['pending', 'running'], reasonContains: WAITING } as const;
  const groupWaiting = async () => inbox.groups(filter);
  const found = await withDeadline(
    groupWaiting().catch(() => null),
    timeoutMs,
    clock,
  );
  if (found === null || found === LATE) return [];
  const groups = found.groups.filter(({ errorGroup }) => errorGroup.startsWith(WAITING));
  const [largest] = groups;
  if (largest === undefined) return [];
  const oldestMs = clock.now() - Math.min(...groups.map(({ firstAt }) => firstAt));
  const level = oldestMs >= LONG_WAIT_MS ? 'error' : 'warn';
  return [finding('results_waiting', toMessage(groups, largest, oldestMs), level)];
}

function toMessage(groups: readonly EntryGroup[], largest: EntryGroup, oldestMs: number): string {
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  const { taskId, reason } = largest.example;
  return (
    `${count === 1 ? '1 result waits' : `${count} results wait`} for the Task Result API (confirm), ` +
    `the oldest for ${describeAge(oldestMs)}. ` +
    `Example: ${taskId}, ${reason.slice(WAITING.length + 2)}. ` +
    'They are handled when it answers: check apiKey and baseUrl of taskResults. If it never does, start the ' +
    'workers without confirm: handlers get what the events say, which may be forged.'
  );
}

function describeAge(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}
