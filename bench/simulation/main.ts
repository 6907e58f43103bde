// What a fleet does that this machine cannot hold: the shipped code on a simulated engine. See README.md.
import { readNumbers } from '../support/arguments.ts';
import { printTable } from '../support/table.ts';
import type { Failure } from './engine.ts';
import { attemptMs, ownMachine, requestMs, sharedMachine } from './measured.ts';
import { rehearseAdds, rehearseBacklog, rehearseIdle } from './rehearsal.ts';
import { runScene, type SceneFigures, type SceneOptions } from './scene.ts';

const { seed } = readNumbers({ seed: 1 });
const began = performance.now();
let events = 0;

const HEAD = [
  '',
  'ack p50 ms',
  'p99',
  'start p50 ms',
  'p99',
  'most open',
  'engine busy',
  'calls/s',
  'given up',
  'lost',
  'runs again',
];

function toRow(title: string, figures: SceneFigures): string[] {
  const { ackMs, startMs, highestBacklog, utilization, calls } = figures;
  const all = Object.values(calls).reduce((sum, count) => sum + count, 0);
  return [
    title,
    ...[ackMs.p50, ackMs.p99, startMs.p50, startMs.p99].map((ms) => ms.toFixed(1)),
    highestBacklog.toFixed(0),
    utilization.toFixed(2),
    all.toFixed(0),
    ...[figures.givenUp, figures.unhandled, figures.repeatedRuns].map((count) => count.toFixed(0)),
  ];
}

const fleet = {
  seed,
  model: ownMachine,
  webs: 2,
  workers: 4,
  concurrency: 50,
  handlerMs: 100,
  requestMs,
  entryMs: attemptMs,
  warmUpSeconds: 2,
} as const;

async function play(scene: SceneOptions): Promise<SceneFigures> {
  const figures = await runScene(scene);
  events += figures.events;
  return figures;
}

async function rehearse(): Promise<void> {
  const rehearsal = { seed, model: sharedMachine, attemptMs };
  const backlogs = [10, 50].map(async (concurrency) => {
    const options = { backlog: 10_000, workers: 4, concurrency };
    return [`handled/s, ${concurrency} at a time`, await rehearseBacklog(rehearsal, options)];
  });
  const idles = [1, 4].map(async (workers) => {
    const { p50, p99 } = await rehearseIdle(rehearsal, { events: 200, workers });
    return [
      [`idle, workers: ${workers}, after the call, p50 ms`, p50],
      [`idle, workers: ${workers}, after the call, p99 ms`, p99],
    ];
  });
  const rows = [
    ['adds/s, 50 callers', await rehearseAdds(rehearsal, 50, 3)],
    ...(await Promise.all(backlogs)),
    ...(await Promise.all(idles)).flat(),
  ] as [string, number][];
  printTable(
    'What bench:engines should measure with PostgreSQL on a machine of 2 cores',
    ['', 'foreseen'],
    rows.map(([title, figure]) => [title, figure.toFixed(figure < 100 ? 2 : 0)]),
  );
}

async function climb(): Promise<void> {
  const rows: string[][] = [];
  for (const [perSecond, webs, workers] of [
    [116, 2, 2],
    [500, 2, 4],
    [1000, 2, 8],
    [2000, 3, 12],
    [3000, 4, 18],
    [4000, 5, 24],
  ] as const) {
    const seconds = perSecond > 1000 ? 7 : 12;
    const scene = {
      ...fleet,
      webs,
      workers,
      seconds,
      perSecond: () => perSecond,
      drainSeconds: 30,
    };
    rows.push(toRow(`${perSecond}/s, web: ${webs}, workers: ${workers}`, await play(scene)));
  }
  const scene = { ...fleet, webs: 2, workers: 8, seconds: 25, drainSeconds: 60 };
  const burst = (now: number) => (now % 20_000 > 18_000 ? 3000 : 300);
  rows.push(toRow('300/s, and 3000/s for 2 s of 20', await play({ ...scene, perSecond: burst })));
  printTable('One PostgreSQL of 4 cores, handlers that wait for 100 ms', HEAD, rows);
}

/** What counts in an outage is how long it is. */
const PER_SECOND = 20;

async function breakDown(): Promise<void> {
  const rows: string[][] = [];
  for (const [how, minutes, spacingSeconds] of [
    ['refuses', 0.33, 5],
    ['refuses', 5, 5],
    ['refuses', 5, 30],
    ['refuses', 5, 90],
    ['hangs', 5, 90],
  ] as readonly (readonly [Failure, number, number])[]) {
    const outage = minutes * 60;
    const figures = await play({
      ...fleet,
      workers: 2,
      concurrency: 10,
      perSecond: () => PER_SECOND,
      seconds: outage + 60,
      spacingMs: spacingSeconds * 1000,
      drainSeconds: 600,
      incident: async ({ clock, engine }) => {
        await clock.sleep(30_000);
        engine.fail(how);
        await clock.sleep(outage * 1000);
        engine.recover();
      },
    });
    const title = `${how} for ${(outage / 60).toFixed(1)} min, Novita again after ${spacingSeconds} s`;
    rows.push([
      title,
      figures.arrived.toFixed(0),
      figures.givenUp.toFixed(0),
      figures.unhandled.toFixed(0),
      figures.repeatedRuns.toFixed(0),
      figures.overlaps.toFixed(0),
      figures.highestBacklog.toFixed(0),
      figures.drainedAfter.toFixed(0),
      figures.startMs.p99.toFixed(0),
    ]);
  }
  printTable(
    `An outage of the engine, ${PER_SECOND} results per second`,
    [
      '',
      'results',
      'given up',
      'lost',
      'runs again',
      'at a time',
      'most open',
      'quiet after s',
      'start p99 ms',
    ],
    rows,
  );
}

async function stumble(): Promise<void> {
  const rows: string[][] = [];
  for (const [title, handlerMs, incident] of [
    [
      'a worker of 4 is killed',
      100,
      async ({ clock, workers }) => {
        await clock.sleep(10_000);
        workers[0]?.kill();
      },
    ],
    [
      'the engine takes 10 times as long for 20 s',
      100,
      async ({ clock, engine }) => {
        await clock.sleep(10_000);
        engine.slowDown(10);
        await clock.sleep(20_000);
        engine.slowDown(1);
      },
    ],
    [
      'the engine is away for 45 s, handlers take 20 s',
      20_000,
      async ({ clock, engine }) => {
        await clock.sleep(30_000);
        engine.fail('refuses');
        await clock.sleep(45_000);
        engine.recover();
      },
    ],
  ] as readonly [string, number, NonNullable<SceneOptions['incident']>][]) {
    const perSecond = handlerMs > 1000 ? 8 : 200;
    const scene = {
      ...fleet,
      seconds: handlerMs > 1000 ? 90 : 45,
      handlerMs,
      perSecond: () => perSecond,
      incident,
    };
    rows.push(toRow(`${title}, ${perSecond}/s`, await play({ ...scene, drainSeconds: 300 })));
  }
  printTable('What is run again', HEAD, rows);
}

async function wait(): Promise<void> {
  const rows: string[][] = [];
  for (const [workers, perSecond] of [
    [10, 0],
    [100, 0],
    [1000, 0],
    [10, 10],
    [100, 10],
    [100, 100],
  ] as const) {
    // Nobody can come at no rate: once in a very long while.
    const rate = Math.max(perSecond, 1e-9);
    const scene = { ...fleet, workers, concurrency: 10, seconds: 10, perSecond: () => rate };
    rows.push(toRow(`workers: ${workers}, ${perSecond}/s`, await play(scene)));
  }
  printTable('Many workers with little to do', HEAD, rows);
}

await rehearse();
await climb();
await breakDown();
await stumble();
await wait();
const seconds = (performance.now() - began) / 1000;
console.log(
  `\nseed ${seed}; ${events} events in the scenes, ${seconds.toFixed(0)} s of real time in all`,
);
