/** Line breaks and tabs, also the separators that only some viewers treat as line breaks. */
const LINE_BREAKS = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;
/** Controls such as ESC, formats such as U+202E that reorder a line, and halves of characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Whether a text can go into a log as it is: one line, and nothing that changes its display. */
export function isPrintable(text: string): boolean {
  return text.search(UNPRINTABLE) === -1;
}

/** The text as one printable line. Line breaks become spaces, other characters their code point. */
export function toPrintable(text: string): string {
  return text.replace(LINE_BREAKS, ' ').replace(UNPRINTABLE, escapeCodePoint);
}

function escapeCodePoint(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
