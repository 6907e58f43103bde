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
    `CASE WHEN state = 'dead' AND json_valid`,
    'CASE WHEN json_valid',
  ),
  'replays a dead entry with all handlers': mutation(
    `CASE WHEN state = 'dead' AND json_valid(succeeded_handlers)`,
    'CASE WHEN false',
  ),
  'replays a running entry': mutation(
    `WHERE state IN ('done', 'dead') AND`,
    `WHERE state IN ('done', 'dead', 'running') AND`,
  ),
  'keeps the attempts of a replayed entry': mutation(`replays + 1, attempts = 0,`, `replays + 1,`),
  'discards a running entry': mutation(`state <> 'running' AND`, ''),
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
  'repeats the entry of the cursor, oldest first': mutation('AND id > :after', 'AND id >= :after'),
  'ignores the case of a reason': mutation(
    'instr(reason, :reasonContains) > 0',
    `reason LIKE '%' || :reasonContains || '%'`,
  ),
  'includes the end of a time range': mutation('received_at < :', 'received_at <= :'),
  'finds metadata by any other key': mutation('member.key = :key', 'member.key <> :key'),
  'replays an entry that was replayed meanwhile': mutation(
    `entry.replays = coalesce(json_extract(target.value, '$[2]'), entry.replays)`,
    'true',
  ),
  'discards an entry that finished meanwhile': mutation(
    'json_array_length(target.value) = 3',
    'true',
  ),
  'replays all handlers of a done entry although some were named': mutation(
    'CASE WHEN :handlers IS NOT NULL THEN',
    'CASE WHEN false THEN',
  ),
  'keeps a named handler succeeded': mutation('WHERE value NOT IN', 'WHERE NULL NOT IN'),
  'loses the reason of a dead letter in a replay of some handlers': mutation(
    `'deadReason', CASE state WHEN 'dead' THEN`,
    `'deadReason', CASE state WHEN 'done' THEN`,
  ),
  'loses the log of an attempt': mutation('coalesce(:attemptLog, attempt_log)', 'attempt_log'),
  'keeps no error group': mutation('error_group = :errorGroup,', 'error_group = NULL,'),
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
