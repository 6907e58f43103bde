// What the user has chosen, and how keys change it.
import type { AttemptFault } from '@novita-webhooks/simulator';

import type { TaskPositions } from './task-watch.ts';

type Page = 'tasks' | 'details' | 'break' | 'help';

/** What the user has chosen. */
export interface ViewState {
  readonly page: Page;
  /** `undefined`: always the newest task. */
  readonly selectedId: string | undefined;
  /** Line of the selected task within the list. New tasks do not move it. */
  readonly line: number;
  /** First line of the details or the help that is visible. */
  readonly scroll: number;
  /** Index into `BREAK_FAULTS`. */
  readonly fault: number;
}

/** What the view does outside of itself. */
export type Action =
  | { readonly type: 'leave' | 'repaint' | 'suspend' }
  | { readonly type: 'redeliver' | 'open'; readonly taskId: string }
  | { readonly type: 'break'; readonly fault: AttemptFault };

/** What a key changes. */
export interface Step {
  readonly state: ViewState;
  readonly action?: Action;
}

/** What a key may depend on. */
export interface KeyContext {
  readonly positions: TaskPositions;
  /** Lines of the list, or of the text of a page. */
  readonly height: number;
  /** Largest value of `scroll`. */
  readonly maxScroll: number;
}

/** Faults of one delivery, the usual one first. */
export const BREAK_FAULTS: readonly { readonly name: AttemptFault; readonly text: string }[] = [
  { name: 'reset', text: 'the connection breaks in the middle of the body' },
  { name: 'truncate', text: 'the body ends in the middle' },
  { name: 'slow', text: 'the body follows the headers after a pause' },
  { name: 'drip', text: 'the body arrives in small pieces' },
  { name: 'contentType', text: 'the content type is not that of JSON' },
];

export const initialState: ViewState = {
  ...{ page: 'tasks', selectedId: undefined, line: 0, scroll: 0, fault: 0 },
};

const clamp = (value: number, max: number): number => Math.max(0, Math.min(value, max));

/** Position of the selected task. The newest one is at 0. */
export const findPosition = ({ selectedId }: ViewState, positions: TaskPositions): number =>
  selectedId === undefined ? 0 : (positions.positionOf(selectedId) ?? 0);

/** Position of the first task that is visible. */
export const findFirst = (state: ViewState, positions: TaskPositions, height: number): number => {
  const position = findPosition(state, positions);
  const line = clamp(state.line, height - 1);
  return clamp(position - line, Math.max(positions.length() - height, 0));
};

/** Lines that a key moves: a number, or to one of the ends. */
const MOVES: Readonly<Record<string, (height: number) => number>> = {
  up: () => -1,
  k: () => -1,
  down: () => 1,
  j: () => 1,
  pageup: (height) => -height,
  pagedown: (height) => height,
  home: () => -Infinity,
  g: () => -Infinity,
  end: () => Infinity,
  G: () => Infinity,
};

const select = (state: ViewState, by: number, { positions, height }: KeyContext): ViewState => {
  const first = findFirst(state, positions, height);
  const position = clamp(findPosition(state, positions) + by, positions.length() - 1);
  if (position === 0) return { ...state, selectedId: undefined, line: 0 };
  return {
    ...state,
    selectedId: positions.idAt(position),
    line: clamp(position - first, height - 1),
  };
};

const move = (state: ViewState, by: number, context: KeyContext): ViewState => {
  if (state.page === 'tasks') return select(state, by, context);
  if (state.page === 'break') {
    return { ...state, fault: clamp(state.fault + by, BREAK_FAULTS.length - 1) };
  }
  return {
    ...state,
    scroll: clamp(clamp(state.scroll, context.maxScroll) + by, context.maxScroll),
  };
};

const show = (state: ViewState, page: Page): ViewState => ({ ...state, page, scroll: 0, fault: 0 });

/** An action on the selected task. It stays selected when new tasks come. */
const actOnTask = (state: ViewState, type: 'redeliver' | 'open', taskId: string): Step => ({
  state: { ...state, selectedId: taskId },
  action: { type, taskId },
});

const pressInTasks = (state: ViewState, key: string, taskId: string | undefined): Step => {
  if (key === 'q') return { state, action: { type: 'leave' } };
  if (key === 'b') return { state: show(state, 'break') };
  if (key === '?') return { state: show(state, 'help') };
  if (taskId === undefined) return { state };
  if (key === 'r') return actOnTask(state, 'redeliver', taskId);
  if (key === 'o') return actOnTask(state, 'open', taskId);
  if (key !== 'd' && key !== 'return') return { state };
  return { state: show({ ...state, selectedId: taskId }, 'details') };
};

/** A number chooses a fault, Enter and a second `b` take the one that is marked. */
const pressInBreak = (state: ViewState, key: string): Step => {
  const marked = key === 'return' || key === 'b' ? state.fault : -1;
  const fault = BREAK_FAULTS[/^\d$/.test(key) ? Number(key) - 1 : marked];
  if (fault === undefined) return { state };
  return { state: show(state, 'tasks'), action: { type: 'break', fault: fault.name } };
};

const BACK = new Set(['q', 'escape', 'left', 'backspace']);

/** Returns what a key changes, and what it does. Unknown keys do nothing. */
export const pressKey = (state: ViewState, key: string, context: KeyContext): Step => {
  if (key === 'ctrl-c') return { state, action: { type: 'leave' } };
  if (key === 'ctrl-z') return { state, action: { type: 'suspend' } };
  if (key === 'ctrl-l') return { state, action: { type: 'repaint' } };
  const by = MOVES[key]?.(context.height);
  if (by !== undefined) return { state: move(state, by, context) };
  const taskId = context.positions.idAt(findPosition(state, context.positions));
  const { page } = state;
  if (page === 'tasks') return pressInTasks(state, key, taskId);
  const isToggled = (page === 'details' && key === 'd') || (page === 'help' && key === '?');
  if (BACK.has(key) || isToggled) return { state: show(state, 'tasks') };
  if (page === 'break') return pressInBreak(state, key);
  return page === 'details' && key !== 'return' ? pressInTasks(state, key, taskId) : { state };
};
