// cspell:ignore AAAANS
import { describe, expect, test } from 'vitest';

import { linkExpiry } from '../src/events/link-expiry.ts';

const RECEIVED_AT = Date.UTC(2026, 2, 1, 10, 20);
const at = (iso: string) => new Date(iso);
const expiry = (url: string, ttl: number | null = null) => linkExpiry(url, ttl, RECEIVED_AT);

describe('linkExpiry: reads the expiry from a link of', () => {
  test.each([
    [
      'S3',
      'https://b.s3.amazonaws.com/f.png?X-Amz-Date=20260301T101500Z&X-Amz-Expires=3600&X-Amz-Signature=0',
      '2026-03-01T11:15:00Z',
    ],
    [
      'S3, in another order',
      'https://b.example/f?X-Amz-Expires=604800&a=1&X-Amz-Date=20260301T101500Z',
      '2026-03-08T10:15:00Z',
    ],
    [
      'S3 across the end of a year',
      'https://b.example/f?X-Amz-Date=20261231T235959Z&X-Amz-Expires=1',
      '2027-01-01T00:00:00Z',
    ],
    [
      'COS',
      'https://b.cos.example/f.mp4?q-sign-algorithm=sha1&q-sign-time=1772360100;1772363700&q-signature=0',
      '2026-03-01T11:15:00Z',
    ],
    [
      'COS, encoded',
      'https://b.cos.example/f.mp4?q-sign-time=1772360100%3B1772363700',
      '2026-03-01T11:15:00Z',
    ],
    [
      'CloudFront',
      'https://d111.cloudfront.net/f?Expires=1772363700&Signature=0&Key-Pair-Id=K',
      '2026-03-01T11:15:00Z',
    ],
    ['a path alone', '/f?Expires=1772363700', '2026-03-01T11:15:00Z'],
  ])('%s', (_, url, iso) => {
    expect(expiry(url)).toEqual(at(iso));
    expect(expiry(url, 60)).toEqual(at(iso)); // the link takes precedence over the ttl
  });
});

describe('linkExpiry: ttl', () => {
  test.each([
    'https://plain.example.com/f.png',
    'https://plain.example.com/f.png?v=2',
    '',
    'iVBORw0KGgoAAAANSUhEUg==',
  ])('is added to receivedAt if the link has no expiry: %j', (url) => {
    expect(expiry(url, 3600)).toEqual(at('2026-03-01T11:20:00Z'));
    expect(expiry(url, null)).toBeNull();
  });
});

describe('linkExpiry: invalid values', () => {
  test.each([
    'https://b.example/f?X-Amz-Date=20260301T101500Z',
    'https://b.example/f?X-Amz-Expires=3600',
    'https://b.example/f?X-Amz-Date=yesterday&X-Amz-Expires=3600',
    'https://b.example/f?X-Amz-Date=20260301T101500&X-Amz-Expires=3600',
    'https://b.example/f?X-Amz-Date=20260301T101500Z&X-Amz-Expires=-1',
    'https://b.example/f?X-Amz-Date=20260301T101500Z&X-Amz-Expires=1e3',
    'https://b.example/f?q-sign-time=1772360100',
    'https://b.example/f?q-sign-time=;',
    'https://b.example/f?q-sign-time=a;b',
    'https://b.example/f?Expires=Sun%2C%2001%20Mar%202026',
    'https://b.example/f?Expires=',
    'https://b.example/f?Expires=99999999999999999999',
    'https://b.example/f?%E0%A4%A&Expires=%zz',
    '????',
  ])('are ignored in the link, and the ttl counts: %s', (url) => {
    expect(expiry(url)).toBeNull();
    expect(expiry(url, 60)).toEqual(at('2026-03-01T10:21:00Z'));
  });

  test('give null if the ttl exceeds the largest Date', () => {
    expect(expiry('https://plain.example.com/', 1e300)).toBeNull();
  });
});
