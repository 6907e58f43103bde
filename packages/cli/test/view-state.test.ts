import { describe, expect, test } from 'vitest';

import type { TaskPositions } from '../src/simulate/task-watch.ts';
import {
  findFirst,
  findPosition,
  initialState,
  pressKey,
  type Action,
  type ViewState,
} from '../src/simulate/view-state.ts';

const HEIGHT = 5;

/** Tasks `task-1` to `task-<count>`, the newest of which has position 0. */
const tasks = (count: number): TaskPositions => ({
  length: () => count,
  idAt: (position) => (position >= 0 && position < count ? `task-${count - position}` : undefined),
  positionOf: (id) => count - Number(id.slice(5)),
});

/** Presses keys one after another. Returns the state and the last action. */
const press = (
  keys: readonly string[],
  positions: TaskPositions,
  from: ViewState = initialState,
): { readonly state: ViewState; readonly action: Action | undefined } => {
  let state = from;
  let action: Action | undefined;
  for (const key of keys) {
    const step = pressKey(state, key, { positions, height: HEIGHT, maxScroll: 7 });
    ({ state, action } = { state: step.state, action: step.action });
  }
  return { state, action };
};

/** The visible positions and the selected one. */
const look = (state: ViewState, positions: TaskPositions) => ({
  first: findFirst(state, positions, HEIGHT),
  selected: findPosition(state, positions),
});

describe('the list', () => {
  test.each([
    [['down'], { first: 0, selected: 1 }],
    [['j', 'j', 'k'], { first: 0, selected: 1 }],
    [['up'], { first: 0, selected: 0 }],
    [['j', 'j', 'j', 'j', 'j'], { first: 1, selected: 5 }],
    [['j', 'j', 'j', 'j', 'j', 'k'], { first: 1, selected: 4 }],
    [['pagedown'], { first: 1, selected: 5 }],
    [['pagedown', 'pageup'], { first: 0, selected: 0 }],
    [['end'], { first: 95, selected: 99 }],
    [['G', 'down'], { first: 95, selected: 99 }],
    [['G', 'g'], { first: 0, selected: 0 }],
    [['end', 'home'], { first: 0, selected: 0 }],
  ])('%j selects and scrolls', (keys, expected) => {
    expect(look(press(keys, tasks(100)).state, tasks(100))).toEqual(expected);
  });

  test('the newest task stays selected while tasks arrive', () => {
    const { state } = press(['j', 'k'], tasks(100));
    expect(look(initialState, tasks(200))).toEqual({ first: 0, selected: 0 });
    expect(look(state, tasks(200))).toEqual({ first: 0, selected: 0 });
  });

  test('another one stays selected, in the same line, while tasks arrive', () => {
    const { state } = press(['j', 'j'], tasks(100));
    expect(state.selectedId).toBe('task-98');
    expect(look(state, tasks(150))).toEqual({ first: 50, selected: 52 });
  });

  test.each(['r', 'o', 'd'])('%s keeps the newest task selected when another one comes', (key) => {
    const { state } = press([key], tasks(3));
    expect(look(state, tasks(4)).selected).toBe(1);
  });

  test('keys do nothing without tasks', () => {
    for (const key of ['j', 'k', 'pagedown', 'end', 'r', 'o', 'd', 'return', 'x', '']) {
      const { state, action } = press([key], tasks(0));
      expect(action).toBeUndefined();
      expect(state).toEqual(initialState);
    }
  });

  test('a screen that became smaller shows the selected task', () => {
    const { state } = press(['j', 'j', 'j', 'j'], tasks(100));
    expect(findFirst(state, tasks(100), 2)).toBe(3);
  });
});

describe('pages', () => {
  test.each([
    [['d'], 'details'],
    [['return'], 'details'],
    [['d', 'd'], 'tasks'],
    [['d', 'q'], 'tasks'],
    [['d', 'escape'], 'tasks'],
    [['?'], 'help'],
    [['?', '?'], 'tasks'],
    [['?', 'q'], 'tasks'],
    [['b'], 'break'],
    [['b', 'escape'], 'tasks'],
    [['b', 'x'], 'break'],
    [['d', 'b'], 'break'],
  ])('%j leads to %s', (keys, page) => {
    const { state, action } = press(keys, tasks(3));
    expect(state.page).toBe(page);
    expect(action).toBeUndefined();
  });

  test('a page scrolls to its end and no further', () => {
    expect(press(['d', 'j', 'j'], tasks(1)).state.scroll).toBe(2);
    expect(press(['d', 'pagedown', 'pagedown'], tasks(1)).state.scroll).toBe(7);
    expect(press(['d', 'end', 'k'], tasks(1)).state.scroll).toBe(6);
    expect(press(['d', 'end', 'home'], tasks(1)).state.scroll).toBe(0);
  });
});

describe('actions', () => {
  test.each<[string[], Action]>([
    [['q'], { type: 'leave' }],
    [['ctrl-c'], { type: 'leave' }],
    [['d', 'ctrl-c'], { type: 'leave' }],
    [['b', 'ctrl-c'], { type: 'leave' }],
    [['ctrl-l'], { type: 'repaint' }],
    [['j', 'r'], { type: 'redeliver', taskId: 'task-2' }],
    [['d', 'r'], { type: 'redeliver', taskId: 'task-3' }],
    [['j', 'j', 'o'], { type: 'open', taskId: 'task-1' }],
    [['b', 'b'], { type: 'break', fault: 'reset' }],
    [['b', 'return'], { type: 'break', fault: 'reset' }],
    [['b', '2'], { type: 'break', fault: 'truncate' }],
    [['b', 'down', 'down', 'return'], { type: 'break', fault: 'slow' }],
  ])('%j', (keys, action) => {
    expect(press(keys, tasks(3)).action).toEqual(action);
  });
});
