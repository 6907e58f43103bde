// Texts for people: without control characters, with times in UTC.

/** Replaces control characters, which a reason or an id may contain, and a terminal would obey. */
export const printable = (text: string): string => text.replace(/\p{C}/gu, ' ');

/** `2026-11-29T15:35:10Z`; `-` for no time. */
export const toTimeText = (time: number | null): string => {
  if (time === null) return '-';
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? '-' : `${date.toISOString().slice(0, 19)}Z`;
};

/** `1,234` */
export const toCountText = (count: number): string => count.toLocaleString('en');

/** `1 task`, `1,234 tasks` */
export const toNumberOf = (count: number, one: string, many = `${one}s`): string =>
  `${toCountText(count)} ${count === 1 ? one : many}`;

/** `1 entry`, `1,234 entries` */
export const toEntriesText = (count: number): string => toNumberOf(count, 'entry', 'entries');

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** `3 h`, `20 s`, `15 ms`: the largest unit that fits. */
export const toDurationText = (durationMs: number): string => {
  const [unit, size] = UNITS.find(([, length]) => durationMs >= length) ?? ['ms', 1];
  return `${Math.round(durationMs / size)} ${unit}`;
};

/** How long ago a time was, such as `3 h`; `-` for no time. */
export const toAgeText = (time: number): string =>
  Number.isFinite(time) ? toDurationText(Math.max(Date.now() - time, 0)) : '-';
