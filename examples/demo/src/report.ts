import Table from 'cli-table3';
import colors from 'picocolors';

import type { Claim, Story } from './checks.ts';

const noLineBetweenRows = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };

/** What was sent and what the handlers saw, side by side. */
export async function sentAndSeen({
  roles,
  simulator,
  server,
  intrusions,
}: Story): Promise<string> {
  const { replies, inbox } = await server.receiver.stats();
  const deliveries = simulator.deliveries();
  const sightings = [...server.sightings.values()];
  const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
  const kind = (name: string) => deliveries.filter((one) => one.kind === name).length;
  const repeats = deliveries.filter(({ attempt }) => attempt > 1).length;
  const refused = intrusions.filter(({ answered }) => answered >= 400).length;
  const successes = sum(sightings.map((one) => one.successes));

  const table = new Table({
    head: ['sent', '', 'seen', ''],
    colAligns: ['left', 'right', 'left', 'right'],
    style: { head: colors.isColorSupported ? ['bold'] : [], border: [] },
    chars: noLineBetweenRows,
  });
  table.push(
    ['tasks submitted', roles.size, 'tasks handled', successes],
    [
      'first deliveries',
      kind('main') - repeats,
      'handler runs',
      sum(sightings.map((one) => one.runs)),
    ],
    [
      'repeats after an outage',
      repeats,
      'of them failed',
      sum(sightings.map((one) => one.runs)) - successes,
    ],
    ['duplicates', kind('duplicate'), 'dead letters', inbox.dead],
    ['parallel copies', kind('parallel'), 'answered as duplicates', replies.duplicate ?? 0],
    ['forged, malformed, irrelevant', intrusions.length, 'refused', refused],
    ['', '', 'result files downloaded', sum(sightings.map((one) => one.files))],
  );
  return table.toString();
}

/** The claims, one a line, each with what contradicts it. */
export function verdict(claims: readonly Claim[]): string {
  return claims
    .map(({ text, exceptions }) => {
      if (exceptions.length === 0) return `${colors.green('✔')} ${text}`;
      const first = exceptions.slice(0, 5).join(', ');
      return `${colors.red('✘')} ${text}: NOT for ${exceptions.length} (${first})`;
    })
    .join('\n');
}
