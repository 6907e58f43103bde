import type { Colour } from '@novita-webhooks/simulator/cli';

import { fit, widthOf } from './text-width.ts';

/** A part of a line, in one colour. */
export interface Span {
  readonly text: string;
  readonly colour?: Colour | undefined;
}

/** A line of the screen. */
export interface Line {
  readonly spans: readonly Span[];
  /** Whether it is the selected one. */
  readonly isMarked?: boolean;
}

/** Colours a text, or returns it as it is. */
export type Paint = (colour: Colour, text: string) => string;

/** A line of one colour. */
export const line = (text: string, colour?: Colour): Line => ({ spans: [{ text, colour }] });

const paintSpan = ({ text, colour }: Span, paint: Paint): string =>
  colour === undefined || text === '' ? text : paint(colour, text);

/** Cuts a line to the columns and colours it. A marked line fills them. */
export const paintLine = ({ spans, isMarked }: Line, columns: number, paint: Paint): string => {
  let left = columns;
  const painted = spans.map((span) => {
    const width = Math.min(widthOf(span.text), left);
    const text = fit(span.text, width);
    left -= width;
    return paintSpan({ ...span, text }, paint);
  });
  if (isMarked !== true) return painted.join('');
  return paint('inverse', painted.join('') + ' '.repeat(left));
};
