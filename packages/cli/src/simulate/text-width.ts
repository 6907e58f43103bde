// Texts by the columns that they take in a terminal: wide characters take two, marks none.
import stringWidth from 'string-width';

const segmenter = new Intl.Segmenter();

/** Counts columns. The text has no control characters. */
export const widthOf = (text: string): number =>
  /^[\x20-\x7e]*$/.test(text) ? text.length : stringWidth(text);

/** Returns the longest beginning of a text that fits into the columns. */
const takeColumns = (text: string, columns: number): string => {
  let taken = '';
  let width = 0;
  for (const { segment } of segmenter.segment(text)) {
    width += widthOf(segment);
    if (width > columns) break;
    taken += segment;
  }
  return taken;
};

/** Cuts a text that is too wide. Its last character becomes an ellipsis. */
export const cut = (text: string, columns: number): string => {
  if (widthOf(text) <= columns) return text;
  return columns < 1 ? '' : `${takeColumns(text, columns - 1)}…`;
};

/** Cuts or pads a text to exactly these columns. */
export const fit = (text: string, columns: number): string => {
  const shown = cut(text, columns);
  return shown + ' '.repeat(Math.max(columns - widthOf(shown), 0));
};

/** Cuts off what fits, at the end of a word if there is one in the second half. */
const takeLine = (text: string, columns: number): string => {
  const taken = takeColumns(text, columns);
  const end = taken.lastIndexOf(' ');
  return end > taken.length / 2 ? taken.slice(0, end + 1) : taken;
};

/** Splits a text into lines of at most these columns. Further lines begin with the indent. */
export const wrap = (text: string, columns: number, indent: string): string[] => {
  const lines: string[] = [];
  let rest = text;
  while (widthOf(rest) > columns) {
    const taken = takeLine(rest, columns);
    if (taken.length <= indent.length) break; // too narrow for anything
    lines.push(taken.trimEnd());
    rest = indent + rest.slice(taken.length);
  }
  return [...lines, cut(rest, columns)];
};
