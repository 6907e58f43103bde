import { once } from 'node:events';

import type { Simulator } from '@novita-webhooks/simulator';

import type { Console } from '../terminal/console.ts';
import { runAction } from './actions.ts';
import { catchWarnings } from './catch-warnings.ts';
import { collectFrame, countRows, type FrameSources } from './collect-frame.ts';
import { layOutScreen, renderFrame } from './frame.ts';
import type { Paint } from './line.ts';
import { createLog, describeRejection, type Log } from './log.ts';
import { openScreen, type Screen } from './screen.ts';
import { suspend } from './suspension.ts';
import { watchTasks, type Summary } from './task-watch.ts';
import { initialState, pressKey, type Action } from './view-state.ts';

/** Changes are shown at most this often. Keys are answered at once. */
const FRAME_INTERVAL_MS = 100;

/** What a simulator does, and whether the screen shows it already. */
interface Live extends FrameSources {
  readonly messages: Log;
  /** Whether something has changed since the last call. */
  readonly takeChange: () => boolean;
  readonly stop: () => void;
}

const follow = (simulator: Simulator): Live => {
  let isChanged = true;
  const onChange = (): void => void (isChanged = true);
  const messages = createLog(onChange);
  const watch = watchTasks(simulator, {
    onChange,
    onRejected: (request) => messages.add(describeRejection(request), 'red'),
  });
  const stopWarnings = catchWarnings((text) => messages.add(text, 'yellow'));
  return {
    ...{ simulator, watch, messages, log: messages.entries },
    takeChange: () => {
      const wasChanged = isChanged;
      isChanged = false;
      return wasChanged;
    },
    stop: () => {
      stopWarnings();
      watch.stop();
    },
  };
};

/** Draws the current state, and changes it when a key is pressed. */
interface View {
  readonly draw: () => void;
  readonly press: (key: string) => Action | undefined;
}

const createView = (sources: FrameSources, screen: Screen, paint: Paint): View => {
  let state = initialState;
  let maxScroll = 0;
  return {
    draw: () => {
      const size = screen.size();
      const frame = renderFrame(state, collectFrame(sources, state, size), size, paint);
      maxScroll = frame.maxScroll;
      screen.draw(frame.lines);
    },
    press: (key) => {
      const size = screen.size();
      const height = state.page === 'tasks' ? countRows(size) : layOutScreen(size).body;
      const step = pressKey(state, key, { positions: sources.watch.positions, height, maxScroll });
      state = step.state;
      return step.action;
    },
  };
};

/** Whether the screen changes with time: progress, or the seconds until a retry. */
const hasClock = ({ byStatus, byEventState }: Summary): boolean =>
  (byStatus.get('TASK_STATUS_PROCESSING') ?? 0) + (byEventState.get('retrying') ?? 0) > 0;

/** Resolves when the user leaves, or when `ended` resolves. */
const runView = async (live: Live, paint: Paint, ended: Promise<unknown>): Promise<void> => {
  const leaving = new AbortController();
  const leave = (): void => leaving.abort();
  const left = once(leaving.signal, 'abort');
  const redraw = (): void => {
    screen.clear();
    view.draw();
  };
  const onKey = (key: string): void => {
    const action = view.press(key);
    if (action?.type === 'leave') return leave();
    if (action?.type === 'repaint') return redraw();
    if (action?.type === 'suspend') return suspend();
    if (action !== undefined) runAction(action, live.simulator, live.messages);
    view.draw();
  };
  const screen = openScreen({ onKey, onResize: redraw, onEnd: leave });
  const view = createView(live, screen, paint);
  const timer = setInterval(() => {
    if (live.takeChange() || hasClock(live.watch.summary())) view.draw();
  }, FRAME_INTERVAL_MS);
  try {
    view.draw();
    await Promise.race([left, ended]);
  } finally {
    clearInterval(timer);
    screen.close();
  }
};

/** Shows what a simulator does until the user leaves, or until `ended` resolves. */
export const showView = async (
  simulator: Simulator,
  { colour }: Console,
  ended: Promise<unknown>,
): Promise<void> => {
  const live = follow(simulator);
  try {
    await runView(live, colour, ended);
  } finally {
    live.stop();
  }
};
