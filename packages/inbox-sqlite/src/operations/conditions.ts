import type { ResolvedEntryFilter } from '@novita-webhooks/core';

type Params = Readonly<Record<string, string | number>>;

/** A filter as SQL. */
export interface Condition {
  readonly sql: string;
  readonly params: Params;
}

/** The filters except those on states. `instr` compares case-sensitively, unlike `LIKE`. */
export function toConditions(filter: ResolvedEntryFilter): readonly Condition[] {
  return [
    ...condition('endpoint = :endpoint', { endpoint: filter.endpoint }),
    ...condition('task_type = :taskType', { taskType: filter.taskType }),
    ...condition('status = :status', { status: filter.status }),
    ...condition('instr(reason, :reasonContains) > 0', { reasonContains: filter.reasonContains }),
    ...condition('error_group = :errorGroup', { errorGroup: filter.errorGroup }),
    ...condition('received_at >= :receivedFrom', { receivedFrom: filter.receivedFrom }),
    ...condition('received_at < :receivedTo', { receivedTo: filter.receivedTo }),
    ...condition('finished_at >= :finishedFrom', { finishedFrom: filter.finishedFrom }),
    ...condition('finished_at < :finishedTo', { finishedTo: filter.finishedTo }),
    ...flag('schema_error IS NOT NULL', filter.schemaErrors),
    ...flag('test_mode = 1', filter.testEvents),
    ...condition('instr(task_id, :taskIdContains) > 0', { taskIdContains: filter.taskIdContains }),
    ...Object.entries(filter.metadata ?? {}).map(([key, value], index) =>
      hasMember(key, value, index),
    ),
  ];
}

/** @returns nothing if the filter is absent */
function condition(
  sql: string,
  params: Readonly<Record<string, string | number | undefined>>,
): Condition[] {
  return Object.values(params).includes(undefined) ? [] : [{ sql, params: params as Params }];
}

function flag(sql: string, wanted: boolean | undefined): Condition[] {
  if (wanted === undefined) return [];
  return [{ sql: wanted ? sql : `NOT (${sql})`, params: {} }];
}

/** `json_each` and not a path: a key may have any characters. */
function hasMember(key: string, value: string | number | boolean | null, index: number): Condition {
  const [sql, params] = isValue(value, `value${index}`);
  return {
    sql: `EXISTS (
    SELECT 1 FROM json_each(CASE WHEN json_valid(metadata) THEN metadata ELSE '{}' END) AS member
    WHERE member.key = :key${index} AND ${sql})`,
    params: { [`key${index}`]: key, ...params },
  };
}

function isValue(value: string | number | boolean | null, name: string): [string, Params] {
  if (value === null || typeof value === 'boolean') return [`member.type = '${String(value)}'`, {}];
  const types = typeof value === 'string' ? "'text'" : "'integer', 'real'";
  return [`member.type IN (${types}) AND member.atom = :${name}`, { [name]: value }];
}
