import type { SimulatorReport } from '../report.ts';

const MAX_LISTED_IDS = 10;

const joinCounts = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${count} ${name.replace('TASK_STATUS_', '').toLowerCase()}`)
    .join(', ') || 'none';

/** `200: 5, timeout: 1`: a count beside a status would look like two counts. */
const joinOutcomes = (outcomes: Readonly<Record<string, number>>): string =>
  Object.entries(outcomes)
    .map(([outcome, count]) => `${outcome}: ${count}`)
    .join(', ') || 'none';

const listIds = (title: string, ids: readonly string[]): string[] => {
  if (ids.length === 0) return [];
  const more = ids.length - MAX_LISTED_IDS;
  const listed = ids.slice(0, MAX_LISTED_IDS).map((id) => `    ${id}`);
  return [
    `  ${title}:`,
    ...listed,
    ...(more > 0 ? [`    and ${more} more, which --json lists`] : []),
  ];
};

/** Describes a report in lines. */
export const describeReport = (report: SimulatorReport): string => {
  const { tasks, events, deliveries, faults, rejectedRequests, seed } = report;
  const outcomes = { ...deliveries.byHttpStatus, ...deliveries.byFailure };
  return [
    `Report (seed ${seed})`,
    `  tasks:      ${tasks.total} (${joinCounts(tasks.byStatus)})`,
    `  events:     ${joinCounts(events)}`,
    `  deliveries: ${deliveries.total} (${joinOutcomes(outcomes)})`,
    `  faults:     ${joinCounts(faults)}`,
    `  rejected:   ${joinCounts(rejectedRequests)}`,
    ...listIds('never acknowledged', report.unacknowledged),
    ...listIds('dropped', report.dropped),
  ].join('\n');
};
