import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { createSimulator, type Simulator, type SimulatorOptions } from '@novita-webhooks/simulator';
import { describe, expect, onTestFinished, test } from 'vitest';

import { collectFrame } from '../src/simulate/collect-frame.ts';
import { renderFrame, type Frame, type Size } from '../src/simulate/frame.ts';
import { createLog } from '../src/simulate/log.ts';
import { watchTasks } from '../src/simulate/task-watch.ts';
import { widthOf } from '../src/simulate/text-width.ts';
import { initialState, type ViewState } from '../src/simulate/view-state.ts';

const LARGE: Size = { columns: 120, rows: 40 };
const PROMPT = 'a "confidential" kite';

/** A server that answers its requests one after another; the last answer repeats. */
async function startReceiver(
  ...answers: readonly ((response: ServerResponse) => void)[]
): Promise<string> {
  let count = 0;
  const server = createServer((request, response) => {
    const answer = answers[Math.min(count++, answers.length - 1)];
    request.resume().on('end', () => answer?.(response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=a-very-secret-token`;
}

const answer =
  (status: number, code: string, detail = '') =>
  (response: ServerResponse): void =>
    void response.writeHead(status).end(JSON.stringify({ code, detail }));

/** A simulator whose view is rendered without a terminal. */
async function startView(options: SimulatorOptions = {}) {
  const simulator = await createSimulator({ retry: { maxRetries: 0 }, ...options });
  const log = createLog(() => undefined);
  const watch = watchTasks(simulator, { onChange: () => undefined, onRejected: () => undefined });
  onTestFinished(() => simulator.close());
  const render = (changes: Partial<ViewState> = {}, size = LARGE): Frame => {
    const state = { ...initialState, ...changes };
    const data = collectFrame({ simulator, watch, log: log.entries }, state, size);
    return renderFrame(state, data, size, (_colour, text) => text);
  };
  const text = (changes?: Partial<ViewState>, size?: Size): string =>
    render(changes, size).lines.join('\n');
  return { simulator, log, render, text };
}

const submit = async (simulator: Simulator, url?: string, plan = {}): Promise<string> => {
  const extra = url === undefined ? {} : { webhook: { url } };
  const body = { extra, request: { prompt: PROMPT } };
  return (await simulator.submit('txt2img', body, plan)).task_id;
};

describe('the list', () => {
  test('says how to submit a task as long as there is none', async () => {
    const { simulator, text } = await startView();
    expect(text()).toContain(`novita.setBaseUrl('${simulator.url}')`);
    expect(text()).toContain('Tasks 0: none');
  });

  test('shows status, event, try, answer and time of each task, the newest first', async () => {
    const url = await startReceiver(answer(200, 'accepted'), answer(503, 'unavailable'));
    const { simulator, render } = await startView();
    const ids = [await submit(simulator, url)];
    await simulator.idle();
    ids.push(await submit(simulator, url, { status: 'TASK_STATUS_FAILED' }));
    await simulator.idle();
    ids.push(await submit(simulator));
    await simulator.idle();
    const [first = '', second = '', third = ''] = ids.map((id) => id.slice(0, 8));
    const { lines } = render({}, { columns: 100, rows: 30 });
    expect(lines.slice(1, 5)).toEqual([
      'Tasks 3: 2 succeeded, 1 failed',
      'Events: 1 acknowledged, 1 unacknowledged',
      'Deliveries: 2, 1 with a 2xx',
      'Faults: none',
    ]);
    const table = lines.slice(6, 10).map((line) => line.replace(/\d+ ms/, 'N ms').trim());
    expect(table.map((line) => line.split(/ {2,}/))).toEqual([
      ['TASK', 'TYPE', 'STATUS', 'EVENT', 'TRY', 'LAST ANSWER', 'TIME', 'NEXT'],
      [`▸ ${third}`, 'TXT_TO_IMG', 'succeeded', '-'],
      [second, 'TXT_TO_IMG', 'failed', 'unacknowledged', '1 of 1', '503 unavailable', 'N ms'],
      [first, 'TXT_TO_IMG', 'succeeded', 'acknowledged', '1 of 1', '200 accepted', 'N ms'],
    ]);
  });

  test('shows progress, the time until the next try, and faults', async () => {
    const url = await startReceiver(answer(500, 'failed'));
    const faults = { drop: 0.25, slow: { ms: 1 } };
    const retry = { maxRetries: 3, delayMs: () => 600_000 };
    const { simulator, text } = await startView({ faults, seed: 2, retry });
    await submit(simulator, url, { faults: { drop: 0 } });
    await submit(simulator, url, { queueMs: 0, taskMs: 600_000, faults: { drop: 0 } });
    await expect.poll(() => text()).toMatch(/retrying +1 of 4 +500 failed \(slow\) .* \d+ min/);
    await expect.poll(() => text()).toMatch(/ \d+ % +waiting/);
    simulator.breakNext('drip');
    expect(text()).toContain('Faults: drop 25 %, slow · next delivery: drip');
    expect(text({}, { columns: 60, rows: 12 })).toContain('next delivery: drip');
  });

  test('shows a part of many tasks, and says which', async () => {
    const { simulator, render } = await startView();
    for (let count = 0; count < 60; count++) await submit(simulator);
    await simulator.idle();
    const ids = simulator.tasks().map(({ id }) => id.slice(0, 8));
    const { lines } = render({ selectedId: simulator.tasks()[9]?.id, line: 4 });
    expect(lines[0]).toMatch(/ 33-60 of 60$/);
    expect(lines.find((line) => line.startsWith('▸'))).toContain(ids[9]);
    expect(lines.some((line) => line.includes(ids[0] ?? ''))).toBe(true);
    expect(lines.some((line) => line.includes(ids[59] ?? ''))).toBe(false);
  });
});

describe('details', () => {
  test('show the request, each delivery with advice, links and the event', async () => {
    const url = await startReceiver(answer(503, 'unavailable', 'The disk is full.'));
    const { simulator, text } = await startView({ retry: { maxRetries: 1, delayMs: () => 1 } });
    const id = await submit(simulator, url, { count: 2 });
    await simulator.idle();
    const shown = text({ page: 'details', selectedId: id }, { columns: 200, rows: 200 });
    expect(shown).toContain(`Task ${id}`);
    expect(shown).toMatch(/callback +http:\/\/127\.0\.0\.1:\d+\/hook\?token=\[redacted\]/);
    expect(shown).toMatch(/event +unacknowledged/);
    expect(shown).toMatch(/attempt 1 of 2: 503 unavailable \(\d+ ms\)\. Retry 1 follows/);
    expect(shown).toMatch(/attempt 2 of 2: 503 unavailable .* keeps it: r sends it again/);
    expect(shown).toContain('The receiver reports: The disk is full.');
    expect(shown.match(/ {2}http:\S+\/files\/\S+/g)).toHaveLength(2);
    expect(shown).toContain('"event_type": "ASYNC_TASK_RESULT"');
  });

  test('scroll to the last line of the event', async () => {
    const { simulator, render } = await startView();
    const id = await submit(simulator);
    const size = { columns: 80, rows: 24 };
    await simulator.idle();
    const { maxScroll, lines } = render({ page: 'details', selectedId: id }, size);
    expect(maxScroll).toBeGreaterThan(10);
    expect(lines[0]).toContain('↓ more');
    const end = render({ page: 'details', selectedId: id, scroll: maxScroll + 5 }, size).lines;
    expect(end.slice(-6)[0]).toBe('  }');
    expect(end[0]).not.toContain('↓ more');
  });
});

const PAGES: readonly ViewState['page'][] = ['tasks', 'details', 'break', 'help'];
const SIZES: readonly (readonly [number, number])[] = [
  ...([
    [1, 1],
    [3, 2],
    [20, 5],
    [40, 10],
    [80, 24],
    [200, 60],
  ] as const),
];

test('no page shows a token, the prompt or a control character, nor is one too wide', async () => {
  const hostile = '\u001b[2J\u009b31m\u0007\n赤い凧 token a-very-secret-token';
  const url = await startReceiver(answer(500, 'code', hostile), (response) =>
    response.writeHead(401).end(`<title>x</title>${hostile}`),
  );
  const { simulator, log, render } = await startView({ retry: { delayMs: () => 1 } });
  const plan = { status: 'TASK_STATUS_FAILED', reason: hostile };
  const ids = [await submit(simulator, url), await submit(simulator, url, plan)];
  await simulator.idle();
  log.add(hostile.replace(/ token.*/, ''));
  for (const page of PAGES) {
    for (const [columns, rows] of SIZES) {
      for (const selectedId of ids) {
        const { maxScroll } = render({ page, selectedId }, { columns, rows });
        for (let scroll = 0; scroll <= maxScroll; scroll += Math.ceil(rows / 2 + maxScroll / 20)) {
          const { lines } = render({ page, selectedId, scroll }, { columns, rows });
          expect(lines).toHaveLength(rows);
          expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(columns);
          expect(lines.join('')).not.toMatch(/\p{C}|very-secret|confidential/u);
        }
      }
    }
  }
});
