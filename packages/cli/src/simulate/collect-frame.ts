import type { Simulator } from '@novita-webhooks/simulator';

import { layOutScreen, type FrameData, type Size } from './frame.ts';
import type { LogEntry } from './log.ts';
import type { TaskDetails } from './task-details.ts';
import type { TaskRow, TaskWatch } from './task-watch.ts';
import { findFirst, findPosition, type ViewState } from './view-state.ts';

/** Where a frame finds what it shows. */
export interface FrameSources {
  readonly simulator: Simulator;
  readonly watch: TaskWatch;
  readonly log: readonly LogEntry[];
}

/** Rows of the list: those of the body without the heading. */
export const countRows = (size: Size): number => Math.max(layOutScreen(size).body - 1, 1);

const readRows = ({ rowAt }: TaskWatch, first: number, count: number): TaskRow[] =>
  Array.from({ length: count }, (_, index) => rowAt(first + index)).filter(
    (row) => row !== undefined,
  );

const readDetails = (
  { watch, simulator }: FrameSources,
  position: number,
): TaskDetails | undefined => {
  const row = watch.rowAt(position);
  if (row === undefined) return undefined;
  const deliveries = simulator.deliveries().filter(({ taskId }) => taskId === row.task.id);
  return { ...row, deliveries };
};

/** Reads what is visible, and no more: there can be thousands of tasks. */
export const collectFrame = (sources: FrameSources, state: ViewState, size: Size): FrameData => {
  const { simulator, watch, log } = sources;
  const position = findPosition(state, watch.positions);
  const height = countRows(size);
  const first = findFirst(state, watch.positions, height);
  return {
    url: simulator.url,
    summary: watch.summary(),
    settings: simulator.settings(),
    first,
    rows: state.page === 'tasks' ? readRows(watch, first, height) : [],
    selectedId: watch.positions.idAt(position),
    details: state.page === 'details' ? readDetails(sources, position) : undefined,
    log,
    now: Date.now(),
  };
};
