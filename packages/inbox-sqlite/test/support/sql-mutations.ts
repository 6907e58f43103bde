import type { Mutation } from './model-subjects.ts';

const mutation = (from: string, to: string): Mutation => ({ from, to });

/** Mutations by what they make the store do. The test checks that `from` occurs in the sources. */
export const mutations: Readonly<Record<string, Mutation>> = {
  'accepts any fencing token': mutation(
    'AND fencing_token = :fencingToken',
    'AND (fencing_token = :fencingToken OR fencing_token IS NOT NULL)',
  ),
  'keeps the fencing token of a done entry': mutation(
    `SET state = 'done', fencing_token = NULL,`,
    `SET state = 'done',`,
  ),
  'keeps the fencing token of a retried entry': mutation(
    `SET state = 'pending', fencing_token = NULL, due_at = :dueAt, reason`,
    `SET state = 'pending', due_at = :dueAt, reason`,
  ),
  'counts a released attempt': mutation('attempts = attempts - 1', 'attempts = attempts'),
  'keeps the reason of a done entry': mutation(
    ', finished_at = :now, reason = NULL',
    ', finished_at = :now',
  ),
  'replaces the succeeded handlers': mutation(
    `THEN novita_entries.succeeded_handlers ELSE`,
    `THEN '[]' ELSE`,
  ),
  'repeats a succeeded handler': mutation('UNION SELECT', 'UNION ALL SELECT'),
  'replays a done entry without its succeeded handlers': mutation(
    `WHEN 'done' THEN '[]'`,
    `WHEN '' THEN ''`,
  ),
  'replays a dead entry with all handlers': mutation(
    'ELSE succeeded_handlers END',
    `ELSE '[]' END`,
  ),
  'replays a running entry': mutation(
    `:endpoint AND state IN ('done', 'dead')`,
    `:endpoint AND state IN ('done', 'dead', 'running')`,
  ),
  'keeps the attempts of a replayed entry': mutation(`replays + 1, attempts = 0,`, `replays + 1,`),
  'discards a running entry': mutation(`AND state <> 'running'`, ''),
  'keeps an entry with a schema error': mutation(
    'AND schema_error IS NOT NULL',
    'AND schema_error IS NULL',
  ),
  'replaces a done entry with a schema error': mutation(
    `:endpoint AND state <> 'done'`,
    ':endpoint',
  ),
  'claims an entry that is not due': mutation('.due_at <= :now', '.due_at <= :now + 1000'),
  'claims the last due entry first': mutation('.due_at, id LIMIT', '.due_at DESC, id LIMIT'),
  'does not count the attempt of a claim': mutation('attempts = attempts + 1, due_at', 'due_at'),
  'expires a lease at once': mutation(
    'attempts = attempts + 1, due_at = :dueAt, is_overdue',
    'attempts = attempts + 1, is_overdue',
  ),
  'forgets that an entry was overdue': mutation(
    'due_at = :dueAt, is_overdue = 1',
    'due_at = :dueAt',
  ),
  'keeps an extended entry overdue': mutation(
    'due_at = :dueAt, is_overdue = 0\nWHERE',
    'due_at = :dueAt\nWHERE',
  ),
  'repeats the entry of the cursor': mutation('WHERE id < :before', 'WHERE id <= :before'),
  'lists the oldest entries first': mutation('ORDER BY id DESC', 'ORDER BY id'),
  'returns the last due time instead of the next': mutation(
    '.due_at LIMIT 1',
    '.due_at DESC LIMIT 1',
  ),
  'deletes an entry before it expires': mutation(
    'finished_at <= :before',
    'finished_at <= :before + 1',
  ),
  'keeps an entry that expires now': mutation('finished_at <= :before', 'finished_at < :before'),
  'counts a replayed entry as done': mutation(` - (old.state = 'done');`, ';'),
  'counts a deleted entry as done': mutation('SET entries = entries - 1', 'SET entries = entries'),
  'computes the lag from the endpoint with the smallest one': mutation(
    'SELECT min((',
    'SELECT max((',
  ),
};
