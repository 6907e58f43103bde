import { assets, type TaskResult } from '@novita-webhooks/core';
import { sampleEvents } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { parseTaskResult } from '../src/events/task-result-schema.ts';
import { codeOf, fixture, fixtureNames, SAMPLE_TASK, setUp } from './helpers.ts';

const RECEIVED_AT = Date.UTC(2026, 2, 1, 10, 15);

/** The task result of a payload with parts replaced. */
function parse(parts: Record<string, unknown>): TaskResult {
  const { result, schemaError } = parseTaskResult(payload(parts), RECEIVED_AT);
  if (result === null) throw new Error(schemaError);
  return result;
}

function payload(parts: Record<string, unknown>): Record<string, unknown> {
  return { task: { task_id: 'task-1', status: 'TASK_STATUS_SUCCEED' }, ...parts };
}

const oneImage = (parts: Record<string, unknown>) =>
  parse({ images: [{ image_url: 'https://x.example/', ...parts }] }).images[0];

interface Expected {
  readonly code: string;
  readonly handler?: 'succeeded' | 'failed';
  readonly media?: Partial<Record<'images' | 'videos' | 'audios', number>>;
}

const fixtures: Readonly<Record<string, Expected>> = {
  'event-audio-success.json': { code: 'accepted', handler: 'succeeded', media: { audios: 1 } },
  'event-failed-missing-arrays.json': { code: 'accepted', handler: 'failed' },
  'event-failed.json': { code: 'accepted', handler: 'failed' },
  'event-image-success-doc-minimal.json': {
    code: 'accepted',
    handler: 'succeeded',
    media: { images: 1 },
  },
  'event-image-success-multiple.json': {
    code: 'accepted',
    handler: 'succeeded',
    media: { images: 4 },
  },
  'event-image-success-nsfw-detection.json': {
    code: 'accepted',
    handler: 'succeeded',
    media: { images: 3 },
  },
  'event-image-success-numeric-ttl.json': {
    code: 'accepted',
    handler: 'succeeded',
    media: { images: 1 },
  },
  'event-image-success.json': { code: 'accepted', handler: 'succeeded', media: { images: 1 } },
  'event-status-queued.json': { code: 'ignored' },
  'event-test-mode-failed.json': { code: 'accepted', handler: 'failed' },
  'event-test-mode-succeed.json': { code: 'accepted', handler: 'succeeded', media: { images: 1 } },
  'event-unknown-event-type.json': { code: 'ignored' },
  'event-video-success-no-eta-no-audios.json': {
    code: 'accepted',
    handler: 'succeeded',
    media: { videos: 1 },
  },
  'event-video-success.json': { code: 'accepted', handler: 'succeeded', media: { videos: 1 } },
  'malformed-missing-task-id.json': { code: 'missing_task_id' },
  'malformed-no-envelope.json': { code: 'missing_event_type' },
};

describe('task result: fixtures', () => {
  test('are all listed in this file', () => {
    const events = fixtureNames.filter((name) => /^(event|malformed)-/.test(name));
    expect(Object.keys(fixtures).sort()).toEqual(events);
  });

  test.each(Object.entries(fixtures))('%s', async (name, { code, handler, media = {} }) => {
    const { receiver, settle } = setUp();
    const seen: [string, TaskResult, boolean][] = [];
    receiver.onTaskSucceeded((result, { testMode }) => seen.push(['succeeded', result, testMode]));
    receiver.onTaskFailed((result, { testMode }) => seen.push(['failed', result, testMode]));
    const event = fixture(name);
    expect(codeOf(await settle(event))).toBe(code);
    expect(seen.map(([which]) => which)).toEqual(handler === undefined ? [] : [handler]);
    const [[, result, testMode] = []] = seen;
    if (result === undefined) return;
    const { images, videos, audios } = result;
    expect([images.length, videos.length, audios.length]).toEqual([
      media.images ?? 0,
      media.videos ?? 0,
      media.audios ?? 0,
    ]);
    for (const { expires_at, url } of assets(result)) {
      expect(url).toMatch(/^https:/);
      const lifetime = media.audios === 1 ? 86_400_000 : 3_600_000;
      expect(expires_at?.getTime()).toBe(RECEIVED_AT + lifetime);
    }
    expect(testMode).toBe(name.includes('test-mode'));
  });

  test.each(['task-result-queued.json', 'task-result-succeed.json'])(
    '%s has the schema of the payload of an event',
    (name) => {
      expect(parseTaskResult(fixture(name), RECEIVED_AT).schemaError).toBeNull();
    },
  );

  test.each(Object.entries(sampleEvents))(
    'sampleEvents.%s matches the schema unless it is schemaError or other',
    async (name, make) => {
      const { settle } = setUp();
      expect((await settle(make())).status).toBe(200);
      const schemaError = parseTaskResult(make().payload, RECEIVED_AT).schemaError;
      expect(schemaError === null).toBe(name !== 'schemaError' && name !== 'other');
    },
  );
});

describe('parseTaskResult: normalizes', () => {
  test.each([
    ['0', null],
    [0, null],
    ['3600', 3600],
    [3600, 3600],
    ['86400.5', 86400.5],
    [-1, null],
    ['', null],
    [' ', null],
    ['soon', null],
    ['Infinity', null],
    [null, null],
    [undefined, null],
  ])('image_url_ttl %j to %j', (ttl, expected) => {
    expect(oneImage({ image_url_ttl: ttl })?.image_url_ttl).toBe(expected);
  });

  test.each(['0', 0])('a ttl of %j to an unknown expiry', (ttl) => {
    expect(oneImage({ image_url_ttl: ttl })?.expires_at).toBeNull();
  });

  test('ttls of videos and audios', () => {
    const { videos, audios } = parse({
      videos: [{ video_url: 'https://x.example/', video_url_ttl: '60' }],
      audios: [{ audio_url: 'https://x.example/', audio_url_ttl: 60 }],
    });
    const expires_at = new Date(RECEIVED_AT + 60_000);
    expect(videos[0]).toMatchObject({ video_url_ttl: 60, expires_at });
    expect(audios[0]).toMatchObject({ audio_url_ttl: 60, expires_at });
  });

  test.each([null, undefined, []])('media lists of %j to empty lists', (list) => {
    const { images, videos, audios } = parse({ images: list, videos: list, audios: list });
    expect([images, videos, audios]).toEqual([[], [], []]);
  });

  test.each([null, undefined, {}])('extra %j to an object with nulls', (extra) => {
    expect(parse({ extra }).extra).toEqual({ seed: null, enable_nsfw_detection: null });
  });

  test.each([
    [1204816733, '1204816733'],
    ['18446744073709551615', '18446744073709551615'],
    [0, '0'],
    [null, null],
    [undefined, null],
  ])('seed %j to %j', (seed, expected) => {
    expect(parse({ extra: { seed } }).extra.seed).toBe(expected);
  });

  test.each([
    [null, null],
    [undefined, null],
    [{}, null],
    [
      { valid: true, confidence: 93.41 },
      { valid: true, confidence: 93.41 },
    ],
    [
      { valid: false, confidence: '0' },
      { valid: false, confidence: 0 },
    ],
    [{ valid: true }, { valid: true, confidence: null }],
    [{ valid: null, confidence: null }, null],
    [
      { valid: true, confidence: 1, model: 'v2' },
      { valid: true, confidence: 1, model: 'v2' },
    ],
  ])('nsfw_detection_result %j to %j', (given, expected) => {
    expect(oneImage({ nsfw_detection_result: given })?.nsfw_detection_result).toEqual(expected);
  });

  test('missing fields of a task', () => {
    expect(parse({}).task).toEqual({
      task_id: 'task-1',
      status: 'TASK_STATUS_SUCCEED',
      reason: '',
      task_type: '',
      eta: null,
      progress_percent: null,
    });
  });

  test('numbers in strings', () => {
    const task = { task_id: 7, status: 'TASK_STATUS_FAILED', eta: '12.5', progress_percent: '0' };
    expect(parse({ task }).task).toMatchObject({ task_id: '7', eta: 12.5, progress_percent: 0 });
  });

  test('a numeric task id to the string that is the key of the entry', async () => {
    const { receiver, settle } = setUp();
    const task = { task_id: 42, status: 'TASK_STATUS_SUCCEED' };
    await settle({ event_type: 'ASYNC_TASK_RESULT', payload: { task } });
    expect(await receiver.inbox.get({ endpoint: 'novita', taskId: '42' })).toBeDefined();
  });

  test.each([null, undefined, { text: 'hi', start_time: 0.5, end_time: 1 }])(
    'audio_metadata %j to itself or null',
    (audio_metadata) => {
      const { audios } = parse({ audios: [{ audio_url: '', audio_metadata }] });
      expect(audios[0]?.audio_metadata).toEqual(audio_metadata ?? null);
    },
  );

  test('null asset URLs to an empty string, and keeps other text', () => {
    expect(oneImage({ image_url: null })?.image_url).toBe('');
    expect(oneImage({ image_url: 'iVBORw0KGgo=' })?.image_url).toBe('iVBORw0KGgo=');
  });
});

test('parseTaskResult: keeps unknown fields at every level', () => {
  const future = { future: { list: [1, null, 'ü'] } };
  const result = parse({
    ...future,
    task: { task_id: 'task-1', status: 'TASK_STATUS_SUCCEED', ...future },
    extra: { ...future, debug_info: future, has_nsfw_contents: [] },
    images: [{ ...future, nsfw_detection_result: { valid: true, ...future } }],
    videos: [{ ...future, nsfw_detection_result: null }],
    audios: [{ ...future, audio_metadata: future }],
  });
  expect(result).toMatchObject({
    ...future,
    task: future,
    extra: { ...future, debug_info: future, has_nsfw_contents: [] },
    images: [{ ...future, nsfw_detection_result: future }],
    videos: [{ ...future, nsfw_detection_result: null }],
    audios: [{ ...future, audio_metadata: future }],
  });
});

test('assets: returns images, videos and audios in one shape', () => {
  const result = parse({
    images: [
      { image_url: 'https://x.example/0', image_url_ttl: '60', image_type: 'png' },
      { image_url: 'https://x.example/1', image_type: 'webp' },
    ],
    videos: [{ video_url: 'https://x.example/2', video_type: 'mp4' }],
    audios: [{ audio_url: 'https://x.example/3', audio_type: 'mp3', more: 1 }],
  });
  const url_ttl = null;
  const expires_at = null;
  expect(assets(result)).toEqual([
    {
      media: 'images',
      index: 0,
      url: 'https://x.example/0',
      url_ttl: 60,
      type: 'png',
      expires_at: new Date(RECEIVED_AT + 60_000),
    },
    { media: 'images', index: 1, url: 'https://x.example/1', url_ttl, type: 'webp', expires_at },
    { media: 'videos', index: 0, url: 'https://x.example/2', url_ttl, type: 'mp4', expires_at },
    { media: 'audios', index: 0, url: 'https://x.example/3', url_ttl, type: 'mp3', expires_at },
  ]);
  expect(assets(parse({}))).toEqual([]);
});

describe('parseTaskResult: schema error', () => {
  const SECRET = 'SECRET-VALUE';
  const invalid: [string, Record<string, unknown>, string][] = [
    ['an unknown status', { task: { task_id: SAMPLE_TASK, status: SECRET } }, 'task.status'],
    ['no status', { task: { task_id: SAMPLE_TASK } }, 'task.status'],
    ['a status that is no text', { task: { task_id: SAMPLE_TASK, status: 1 } }, 'task.status'],
    ['images that are no list', { images: SECRET }, 'images'],
    ['an image that is no object', { images: [SECRET] }, 'images.0'],
    [
      'a URL that is no text',
      { videos: [{}, { video_url: { [SECRET]: 1 } }] },
      'videos.1.video_url',
    ],
    ['more files than any task has', { images: Array.from({ length: 1001 }, () => 1) }, 'images'],
  ];

  test.each([
    ['a ttl that is no number', { audios: [{ audio_url_ttl: [1] }] }],
    ['an extra that is a list', { extra: [1] }],
    ['a seed that is an object', { extra: { seed: {} } }],
    ['a seed that lost digits', { extra: { seed: 2 ** 63 } }],
    ['a flag that is text', { extra: { enable_nsfw_detection: 'true' } }],
    ['a detection that is text', { images: [{ nsfw_detection_result: 'none' }] }],
    ['metadata of an audio that is text', { audios: [{ audio_metadata: 'none' }] }],
    ['an eta that is a list', { task: { task_id: 'odd', status: 'TASK_STATUS_SUCCEED', eta: [] } }],
  ])('%s causes no schema error: the handler runs without that field', async (_, parts) => {
    const { receiver, settle } = setUp();
    const seen: unknown[] = [];
    receiver.onTaskSucceeded((result) => seen.push(result));
    const { event_type, payload } = sampleEvents.imageSucceeded({ taskId: 'odd' });
    await settle({ event_type, payload: { ...payload, ...parts } });
    expect(seen).toHaveLength(1);
    expect(JSON.stringify(seen)).not.toContain('true"');
  });

  test.each(invalid)(
    '%s: replies 200 and stores a dead letter with the body',
    async (_, parts, where) => {
      const { receiver, settle, log } = setUp();
      const seen: unknown[] = [];
      const letters: string[] = [];
      receiver.onTaskFinished((result) => seen.push(result));
      receiver.onDeadLetter(({ body, reason }) => letters.push(reason, body));
      const { event_type, payload: sample } = sampleEvents.imageSucceeded();
      const odd = { ...sample, ...parts };
      expect((await settle({ event_type, payload: odd })).status).toBe(200);
      const entry = await receiver.inbox.get({ endpoint: 'novita', taskId: SAMPLE_TASK });
      expect(entry).toMatchObject({ state: 'dead', attempts: 1 });
      expect(entry?.reason).toContain(where);
      expect(entry?.reason).toBe(entry?.schemaError);
      expect(entry?.reason).not.toContain(SECRET);
      expect(JSON.parse(entry?.body ?? '')).toEqual(odd);
      expect(letters).toEqual([entry?.reason, entry?.body]);
      expect(seen).toEqual([]);
      expect(JSON.stringify(log.lines)).not.toContain(SECRET);
    },
  );

  test.each(['before', 'after'])(
    'a valid event that arrives %s the dead letter is handled',
    async (when) => {
      const { receiver, deliver, settle } = setUp();
      const statuses: string[] = [];
      receiver.onTaskFinished(({ task }) => statuses.push(task.status));
      await (when === 'before' ? deliver : settle)(sampleEvents.schemaError());
      const reply = await settle(sampleEvents.imageSucceeded());
      expect(codeOf(reply)).toBe('accepted');
      expect(statuses).toEqual(['TASK_STATUS_SUCCEED']);
      expect(codeOf(await settle(sampleEvents.schemaError()))).toBe('duplicate');
      expect(codeOf(await settle(sampleEvents.imageSucceeded()))).toBe('duplicate');
      expect(statuses).toHaveLength(1);
    },
  );

  test('a valid event replaces the pending one with a schema error', async () => {
    const { receiver, deliver, clock } = setUp();
    await deliver(sampleEvents.schemaError());
    await deliver(sampleEvents.failed());
    const statuses: string[] = [];
    receiver.onTaskFinished(({ task }) => statuses.push(task.status));
    await clock.flush();
    expect(statuses).toEqual(['TASK_STATUS_FAILED']);
    expect((await receiver.stats()).inbox).toMatchObject({ done: 1, dead: 0, pending: 0 });
  });
});
