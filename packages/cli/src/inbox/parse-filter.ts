// Parsers of filter values. They throw an InvalidArgumentError, which commander prints.
import type { EntryFilter, EntryState } from '@novita-webhooks/core';
import { InvalidArgumentError } from 'commander';

type MetadataFilter = NonNullable<EntryFilter['metadata']>;

const STATES: readonly EntryState[] = ['expected', 'pending', 'running', 'done', 'dead'];
const isState = (text: string): text is EntryState => (STATES as readonly string[]).includes(text);

/** Reads `dead,pending`. A repeated option adds to the earlier ones. */
export const parseState = (
  text: string,
  previous: readonly EntryState[] = [],
): readonly EntryState[] => {
  const states = text.split(',').map((state) => state.trim());
  if (states.every(isState)) return [...new Set([...previous, ...states])];
  throw new InvalidArgumentError(`Pass some of ${STATES.join(',')}.`);
};

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:?\d{2})?$/i;
const ZONE = /(Z|[+-]\d{2}:?\d{2})$/i;

const parseDate = (text: string): number => {
  if (DATE.test(text)) return Date.parse(text);
  if (!DATE_TIME.test(text)) return NaN;
  return Date.parse(ZONE.test(text) ? text : `${text}Z`);
};

/** Reads a time, or how long ago it was. Returns milliseconds since 1970. */
export const parseTime = (text: string): number => {
  const [, amount, unit = ''] = /^(\d{1,6})([a-z])$/.exec(text) ?? [];
  const time =
    amount === undefined ? parseDate(text) : Date.now() - Number(amount) * (UNITS_MS[unit] ?? NaN);
  if (!Number.isNaN(time)) return time;
  throw new InvalidArgumentError(
    'Pass a time in UTC such as 2026-11-29T15:00, or 30m, 2h, 7d for as long ago.',
  );
};

const parseScalar = (text: string): string | number | boolean | null => {
  try {
    const value: unknown = JSON.parse(text);
    if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) {
      return value as string | number | boolean | null;
    }
  } catch {
    // a text without quotes
  }
  return text;
};

/** Reads `orderId=42`. A repeated option adds to the earlier ones. */
export const parseMetadata = (text: string, previous: MetadataFilter = {}): MetadataFilter => {
  const [, key, value = ''] = /^([^=]+)=([^]*)$/.exec(text) ?? [];
  if (key === undefined) {
    throw new InvalidArgumentError(
      'Pass key=value, such as orderId=42 or \'name="42"\' for a text.',
    );
  }
  return { ...previous, [key]: parseScalar(value) };
};
