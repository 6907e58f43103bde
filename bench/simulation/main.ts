// What a fleet does that this machine cannot hold: the shipped code on a simulated engine. See README.md.
import { readNumbers } from '../support/arguments.ts';
import { check } from '../support/checks.ts';
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
  'quiet after s',
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
    figures.drainedAfter.toFixed(0),
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
  check(figures.overlaps === 0, `${figures.overlaps} runs began beside another one`);
  check(figures.unhandled === 0, `${figures.unhandled} acknowledged events were not handled`);
  events += figures.events;
  return figures;
}

async function rehearse(): Promise<void> {
  const rehearsal = { seed, model: sharedMachine, attemptMs };
  const rows: [string, number, number][] = [];
  const adds = await rehearseAdds(rehearsal, 50, 3);
  rows.push(['adds/s, 50 callers', adds.perSecond, adds.engineUs]);
  for (const concurrency of [10, 50]) {
    const options = { backlog: 10_000, workers: 4, concurrency };
    const { perSecond, engineUs } = await rehearseBacklog(rehearsal, options);
    rows.push([`handled/s, ${concurrency} at a time`, perSecond, engineUs]);
  }
  for (const workers of [1, 4]) {
    const { p50, p99 } = await rehearseIdle(rehearsal, { events: 200, workers });
    rows.push([`idle, workers: ${workers}, after the call, p50 ms`, p50, NaN]);
    rows.push([`idle, workers: ${workers}, after the call, p99 ms`, p99, NaN]);
  }
  printTable(
    'What bench:engines should measure with PostgreSQL on a machine of 2 cores',
    ['', 'foreseen', 'engine CPU µs'],
    rows.map(([title, figure, engineUs]) => [
      title,
      figure.toFixed(figure < 100 ? 2 : 0),
      Number.isNaN(engineUs) ? '–' : engineUs.toFixed(0),
    ]),
  );
}

/** Results per second, web processes, workers. */
const LADDER = [
  [116, 2, 2],
  [500, 2, 4],
  [1000, 2, 8],
  [1500, 3, 10],
  [2000, 4, 12],
  [2500, 4, 14],
] as const;

/** What no engine of that size should be asked for. */
const TOO_HIGH = [
  [5000, 8, 30],
  [10_000, 16, 60],
  [16_000, 26, 90],
  [32_000, 52, 180],
] as const;

async function climb(): Promise<void> {
  const rows: string[][] = [];
  for (const [perSecond, webs, workers] of LADDER) {
    const seconds = perSecond > 500 ? 4 : 10;
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
  const scene = { ...fleet, webs: 2, workers: 8, seconds: 21, drainSeconds: 60 };
  const burst = (now: number) => (now % 20_000 > 18_000 ? 2000 : 200);
  rows.push(toRow('200/s, and 2000/s for 2 s of 20', await play({ ...scene, perSecond: burst })));
  printTable('One PostgreSQL of 4 cores, handlers that wait for 100 ms', HEAD, rows);
}

async function saturate(): Promise<void> {
  const rows: string[][] = [];
  for (const [perSecond, webs, workers] of TOO_HIGH) {
    const scene = { ...fleet, webs, workers, perSecond: () => perSecond, warmUpSeconds: 0.5 };
    const figures = await play({ ...scene, seconds: 1.5, drainSeconds: 20 });
    rows.push(toRow(`${perSecond}/s, web: ${webs}, workers: ${workers}`, figures));
  }
  printTable('The same where it ends', HEAD, rows);
}

/** What counts in an outage is how long it is. */
const PER_SECOND = 10;

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
      'the engine is away for 45 s, handlers take 10 s',
      10_000,
      async ({ clock, engine }) => {
        await clock.sleep(30_000);
        engine.fail('refuses');
        await clock.sleep(45_000);
        engine.recover();
      },
    ],
  ] as readonly [string, number, NonNullable<SceneOptions['incident']>][]) {
    const perSecond = handlerMs > 1000 ? 16 : 100;
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

const SCENES = { rehearse, climb, saturate, breakDown, stumble, wait };

/** `BENCH_SCENES=climb,wait` leaves out the others. */
const wanted = process.env['BENCH_SCENES']?.split(',') ?? Object.keys(SCENES);
for (const [name, scene] of Object.entries(SCENES)) if (wanted.includes(name)) await scene();
const seconds = (performance.now() - began) / 1000;
console.log(
  `\nseed ${seed}; ${events} events in the scenes, ${seconds.toFixed(0)} s of real time in all`,
);
