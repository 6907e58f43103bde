import Table from 'cli-table3';
import colors from 'picocolors';

import type { Check, DemoRun } from './checks.ts';

const NO_LINE_BETWEEN_ROWS = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

/** Formats what was sent, and beside it what the receiver and the handlers did with it. */
export async function formatTotals(run: DemoRun): Promise<string> {
  const { tasks, simulator, server, badDeliveries } = run;
  const { replies, inbox } = await server.receiver.stats();
  const deliveries = simulator.deliveries();
  const records = [...server.records.values()];
  const ofKind = (name: string) => deliveries.filter(({ kind }) => kind === name).length;
  const retries = deliveries.filter(({ attempt }) => attempt > 1).length;
  const refused = badDeliveries.filter(({ status }) => status >= 400).length;
  const runs = sum(records.map((record) => record.runs));
  const successes = sum(records.map((record) => record.successes));

  const table = new Table({
    head: ['sent', '', 'result', ''],
    colAligns: ['left', 'right', 'left', 'right'],
    style: { head: colors.isColorSupported ? ['bold'] : [], border: [] },
    chars: NO_LINE_BETWEEN_ROWS,
  });
  table.push(
    ['tasks submitted', tasks.size, 'tasks handled', successes],
    ['first deliveries', ofKind('main') - retries, 'handler runs', runs],
    ['retries after an outage', retries, 'failed handler runs', runs - successes],
    ['duplicates', ofKind('duplicate'), 'dead letters', inbox.dead],
    ['parallel copies', ofKind('parallel'), 'answered as duplicates', replies.duplicate ?? 0],
    ['forged, malformed, irrelevant', badDeliveries.length, 'refused', refused],
    ['', '', 'result files downloaded', sum(records.map(({ files }) => files))],
  );
  return table.toString();
}

/** Formats the checks, one a line, each with up to five exceptions. */
export function formatChecks(checks: readonly Check[]): string {
  return checks
    .map(({ text, exceptions }) => {
      if (exceptions.length === 0) return `${colors.green('✔')} ${text}`;
      const first = exceptions.slice(0, 5).join(', ');
      return `${colors.red('✘')} ${text}: NOT for ${exceptions.length} (${first})`;
    })
    .join('\n');
}
