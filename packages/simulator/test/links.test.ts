import { describe, expect, test } from 'vitest';

import type { Media, Simulator } from '../src/index.ts';
import { mediaFiles } from '../src/media-files.ts';
import { startSimulator } from './support/setup.ts';

const start = Date.UTC(2026, 2, 1, 10, 15, 0, 999);

/** Submits a task and returns its first link. */
const createLink = async (simulator: Simulator, media: Media = 'images'): Promise<string> => {
  const { task_id } = await simulator.submit('txt2img', {}, { media });
  await simulator.idle();
  const task = simulator.tasks().find(({ id }) => id === task_id);
  const { images, videos, audios } = task?.event?.payload ?? {};
  return images?.[0]?.image_url ?? videos?.[0]?.video_url ?? audios?.[0]?.audio_url ?? '';
};

describe('result link', () => {
  test.each([
    ['images', 'image/png'],
    ['videos', 'video/mp4'],
    ['audios', 'audio/wav'],
  ] as const)('to %s serves %s', async (media, type) => {
    const link = await createLink(await startSimulator(), media);
    const [response, head] = [await fetch(link), await fetch(link, { method: 'HEAD' })];
    const bytes = await response.arrayBuffer();
    expect(new Uint8Array(bytes)).toEqual(new Uint8Array(mediaFiles[media].bytes));
    for (const { status, headers } of [response, head]) {
      expect(status).toBe(200);
      expect(headers.get('content-type')).toBe(type);
      expect(headers.get('content-length')).toBe(String(bytes.byteLength));
    }
    expect((await head.arrayBuffer()).byteLength).toBe(0);
    expect(await (await fetch(link)).arrayBuffer()).toEqual(bytes);
  });

  test('has the form of a presigned S3 link', async () => {
    const simulator = await startSimulator({ now: () => start, linkTtlMs: 86_400_500 });
    const link = new URL(await createLink(simulator));
    expect(link.origin).toBe(simulator.url);
    expect(link.pathname).toBe(`/files/${simulator.tasks()[0]?.id ?? ''}/0.png`);
    expect(Object.fromEntries(link.searchParams)).toEqual({
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Credential': 'SIMULATOR/20260301/local/s3/aws4_request',
      'X-Amz-Date': '20260301T101500Z',
      'X-Amz-Expires': '86400',
      'X-Amz-SignedHeaders': 'host',
      'X-Amz-Signature': expect.stringMatching(/^[\da-f]{64}$/) as string,
    });
  });

  test('expires after linkTtlMs', async () => {
    let now = start;
    const link = await createLink(await startSimulator({ now: () => now }));
    now = Math.floor(start / 1000) * 1000 + 3_600_000 - 1;
    expect((await fetch(link)).status).toBe(200);
    now += 1;
    const response = await fetch(link);
    expect(response.status).toBe(403);
    expect(response.headers.get('content-type')).toBe('application/xml');
    expect(await response.text()).toContain(
      '<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>',
    );
  });

  test.each<[string, (link: string) => string, string]>([
    [
      'another signature',
      (link) => link.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
      'SignatureDoesNotMatch',
    ],
    ['a short signature', (link) => link.slice(0, -1), 'SignatureDoesNotMatch'],
    ['another file', (link) => link.replace('/0.png', '/1.png'), 'SignatureDoesNotMatch'],
    ['another type', (link) => link.replace('/0.png', '/0.mp4'), 'SignatureDoesNotMatch'],
    [
      'a later expiry',
      (link) => link.replace('Expires=3600', 'Expires=36000'),
      'SignatureDoesNotMatch',
    ],
    ['a later date', (link) => link.replace('T1015', 'T1115'), 'SignatureDoesNotMatch'],
    ['an extra parameter', (link) => `${link}&x=1`, 'SignatureDoesNotMatch'],
    ['no signature', (link) => link.replace(/&X-Amz-Signature.*/, ''), 'AccessDenied'],
  ])('is rejected with %s', async (_name, forge, code) => {
    const response = await fetch(
      forge(await createLink(await startSimulator({ now: () => start }))),
    );
    expect(response.status).toBe(403);
    expect(await response.text()).toContain(`<Code>${code}</Code>`);
  });

  test('is rejected by another simulator', async () => {
    const [one, other] = [await startSimulator(), await startSimulator()];
    const link = await createLink(one);
    expect((await fetch(link.replace(one.url, other.url))).status).toBe(403);
  });
});
