import type { Slip } from './model-subjects.ts';

const slip = (from: string, to: string): Slip => ({ from, to });

/** Each of these has to be found; `from` is looked up in the sources, so that none goes stale. */
export const slips: Readonly<Record<string, Slip>> = {
  'any fence will do': slip(
    'AND fencing_token = :fencingToken',
    'AND (fencing_token = :fencingToken OR fencing_token IS NOT NULL)',
  ),
  'a spent fence is kept': slip(`SET state = 'done', fencing_token = NULL,`, `SET state = 'done',`),
  'a fence is kept by what is tried again': slip(
    `SET state = 'pending', fencing_token = NULL, due_at = :dueAt, reason`,
    `SET state = 'pending', due_at = :dueAt, reason`,
  ),
  'a released attempt counts': slip('attempts = attempts - 1', 'attempts = attempts'),
  'a reason stays after all went well': slip(
    ', finished_at = :now, reason = NULL',
    ', finished_at = :now',
  ),
  'handled is replaced': slip(
    `SELECT value FROM json_each(novita_entries.succeeded_handlers) UNION SELECT`,
    `SELECT`,
  ),
  'handled holds a name twice': slip(' UNION SELECT', ' UNION ALL SELECT'),
  'a replay after done leaves out what had succeeded': slip(
    `WHEN 'done' THEN '[]'`,
    `WHEN '' THEN ''`,
  ),
  'a replay after dead runs everything': slip('ELSE succeeded_handlers END', `ELSE '[]' END`),
  'what runs can be replayed': slip(
    `:endpoint AND state IN ('done', 'dead')`,
    `:endpoint AND state IN ('done', 'dead', 'running')`,
  ),
  'a replay keeps its attempts': slip(`'pending', attempts = 0,`, `'pending',`),
  'what runs can be discarded': slip(`AND state <> 'running'`, ''),
  'a drifted entry stays': slip('AND schema_error IS NOT NULL', 'AND schema_error IS NULL'),
  'a drifted entry gives way when it is done': slip(`:endpoint AND state <> 'done'`, ':endpoint'),
  'a claim takes what is not due': slip('AND due_at <= :now', 'AND due_at <= :now + 1000'),
  'a claim takes the last first': slip('ORDER BY due_at, id', 'ORDER BY due_at DESC, id'),
  'a claim begins no attempt': slip('attempts = attempts + 1, due_at', 'due_at'),
  'a lease ends at once': slip(
    'due_at = :dueAt, fencing_token = :fencingToken',
    'due_at = due_at, fencing_token = :fencingToken',
  ),
  'a page holds its cursor again': slip('WHERE id < :before', 'WHERE id <= :before'),
  'a page is in the order of arrival': slip('ORDER BY id DESC', 'ORDER BY id'),
  'the next one due is the last one': slip(
    'ORDER BY due_at LIMIT 1',
    'ORDER BY due_at DESC LIMIT 1',
  ),
  'a purge takes too much': slip('finished_at <= :before', 'finished_at <= :before + 1'),
  'a purge takes too little': slip('finished_at <= :before', 'finished_at < :before'),
  'the counters forget what moves': slip(
    `UPDATE novita_counts SET entries = entries - 1 WHERE endpoint = old.endpoint AND state = old.state;
  INSERT`,
    'INSERT',
  ),
  'the lag is that of one endpoint': slip('SELECT min((', 'SELECT max(('),
};
