import type { EntryState } from '@novita-webhooks/core';
import type { Simulator } from '@novita-webhooks/simulator';

import type { BadDelivery } from './bad-deliveries.ts';
import { MAX_ATTEMPTS, type DemoServer, type HandlerRecord } from './server.ts';
import type { DemoTask } from './tasks.ts';

/** What one run of the demo has produced. */
export interface DemoRun {
  /** By task id. */
  readonly tasks: ReadonlyMap<string, DemoTask>;
  readonly simulator: Simulator;
  readonly server: DemoServer;
  readonly badDeliveries: readonly BadDelivery[];
  /** The states in the file of the inbox, by task id. */
  readonly states: ReadonlyMap<string, EntryState>;
}

/** Something that must hold at the end, and the task ids or deliveries that contradict it. */
export interface Check {
  readonly text: string;
  readonly exceptions: readonly string[];
}

/** Checks the promises of the library on the result of a run. */
export function checkRun(run: DemoRun): Check[] {
  const { tasks, simulator, server, badDeliveries, states } = run;
  const endsDead = (task: DemoTask) => task.behaviour === 'always fails' || task.hasSchemaError;
  const tasksWhere = (
    isBroken: (task: DemoTask, record: HandlerRecord | undefined, id: string) => boolean,
  ) => [...tasks].flatMap(([id, task]) => (isBroken(task, server.records.get(id), id) ? [id] : []));
  const acknowledged = new Set(
    simulator.deliveries().flatMap((one) => (isAccepted(one) ? [one.taskId] : [])),
  );
  const expectedDead = [...tasks].filter(([, task]) => endsDead(task)).map(([id]) => id);

  return [
    {
      text: 'Novita got a 2xx for every task',
      exceptions: tasksWhere((_task, _record, id) => !acknowledged.has(id)),
    },
    {
      text: 'every task is in the file of the inbox, in the expected state',
      exceptions: tasksWhere(
        (task, _, id) => states.get(id) !== (endsDead(task) ? 'dead' : 'done'),
      ),
    },
    {
      text: 'each task whose handler can succeed was handled exactly once',
      exceptions: tasksWhere((task, record) => !endsDead(task) && record?.successes !== 1),
    },
    {
      text: 'a handler that failed was retried, exactly as often as necessary',
      exceptions: tasksWhere((task, record) => (record?.runs ?? 0) !== expectedRuns(task)),
    },
    {
      text: 'no task was handled twice at a time',
      exceptions: tasksWhere((_, record) => (record?.maxParallelRuns ?? 0) > 1),
    },
    {
      text: 'the dead letters are exactly the expected ones',
      exceptions: difference(expectedDead, server.deadLetters),
    },
    {
      text: 'the handler got the metadata that was signed',
      exceptions: tasksWhere(
        (task, record) => record !== undefined && orderOf(record) !== task.number,
      ),
    },
    {
      text: 'no forged event reached the handler',
      exceptions: [...server.records.keys()].filter((id) => !tasks.has(id)),
    },
    {
      text: 'forged and malformed deliveries got the right status',
      exceptions: badDeliveries
        .filter(({ expectedStatus, status }) => expectedStatus !== status)
        .map(({ kind, expectedStatus, status }) => `${kind}: ${status}, not ${expectedStatus}`),
    },
  ];
}

function expectedRuns({ behaviour, hasSchemaError }: DemoTask): number {
  if (hasSchemaError) return 0;
  return { succeeds: 1, 'fails twice': 3, 'always fails': MAX_ATTEMPTS }[behaviour];
}

function isAccepted({ answer }: { answer: object }): boolean {
  return 'status' in answer && answer.status === 200;
}

function orderOf({ metadata }: HandlerRecord): unknown {
  return (metadata as { order?: unknown }).order;
}

/** Members of only one of the lists, or in one more often than in the other. */
function difference(one: readonly string[], other: readonly string[]): string[] {
  const count = (list: readonly string[], value: string) =>
    list.filter((it) => it === value).length;
  return [...new Set([...one, ...other])].filter((it) => count(one, it) !== count(other, it));
}
