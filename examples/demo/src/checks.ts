import type { EntryState } from '@novita-webhooks/core';
import type { Simulator } from '@novita-webhooks/simulator';

import type { Role } from './tasks.ts';
import { ATTEMPTS, type DemoServer, type Sighting } from './server.ts';
import type { Intrusion } from './bad-deliveries.ts';

/** Everything that happened. */
export interface Story {
  /** By task id. */
  readonly roles: ReadonlyMap<string, Role>;
  readonly simulator: Simulator;
  readonly server: DemoServer;
  readonly intrusions: readonly Intrusion[];
  /** What the file of the inbox says of each task. */
  readonly onDisk: ReadonlyMap<string, EntryState>;
}

/** Something the library promises, and the task ids or the like for which it does not hold. */
export interface Claim {
  readonly text: string;
  readonly exceptions: readonly string[];
}

/** What must hold at the end of the demo, whatever happened in between. */
export function checkClaims(story: Story): Claim[] {
  const { roles, simulator, server, intrusions, onDisk } = story;
  const isHopeless = ({ temper, drifts }: Role) => temper === 'never succeeds' || drifts;
  const tasksWhere = (broken: (role: Role, seen: Sighting | undefined, id: string) => boolean) =>
    [...roles].flatMap(([id, role]) => (broken(role, server.sightings.get(id), id) ? [id] : []));

  const unacknowledged = simulator
    .tasks()
    .filter(
      ({ id }) => !simulator.deliveries().some((one) => one.taskId === id && isAccepted(one)),
    );
  const expectedDead = [...roles].filter(([, role]) => isHopeless(role)).map(([id]) => id);

  return [
    {
      text: 'every task was acknowledged to Novita',
      exceptions: unacknowledged.map(({ id }) => id),
    },
    {
      text: 'every task is on disk, settled as it should be',
      exceptions: tasksWhere(
        (role, _, id) => onDisk.get(id) !== (isHopeless(role) ? 'dead' : 'done'),
      ),
    },
    {
      text: 'each task was handled exactly once',
      exceptions: tasksWhere((role, seen) => !isHopeless(role) && seen?.successes !== 1),
    },
    {
      text: 'handlers that failed were run again, as often as it took and no oftener',
      exceptions: tasksWhere((role, seen) => (seen?.runs ?? 0) !== expectedRuns(role)),
    },
    {
      text: 'no task was handled twice at a time',
      exceptions: tasksWhere((_, seen) => (seen?.mostAtATime ?? 0) > 1),
    },
    {
      text: 'the dead letters are exactly those expected',
      exceptions: difference(expectedDead, server.deadLetters),
    },
    {
      text: 'the metadata that came back is what was signed',
      exceptions: tasksWhere((role, seen) => seen !== undefined && orderOf(seen) !== role.number),
    },
    {
      text: 'nothing forged came through',
      exceptions: [...server.sightings.keys()].filter((id) => !roles.has(id)),
    },
    {
      text: 'forged and malformed deliveries got the right answers',
      exceptions: intrusions
        .filter(({ expected, answered }) => expected !== answered)
        .map(({ what, expected, answered }) => `${what}: ${answered} instead of ${expected}`),
    },
  ];
}

function expectedRuns({ temper, drifts }: Role): number {
  if (drifts) return 0;
  return { willing: 1, 'fails twice': 3, 'never succeeds': ATTEMPTS }[temper];
}

function isAccepted({ answer }: { answer: object }): boolean {
  return 'status' in answer && answer.status === 200;
}

function orderOf({ metadata }: Sighting): unknown {
  return (metadata as { order?: unknown }).order;
}

/** Members of only one of the lists, or in one more often than in the other. */
function difference(one: readonly string[], other: readonly string[]): string[] {
  const count = (list: readonly string[], value: string) =>
    list.filter((it) => it === value).length;
  return [...new Set([...one, ...other])].filter((it) => count(one, it) !== count(other, it));
}
