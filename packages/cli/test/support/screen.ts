/** What a terminal shows, as far as the live view writes it: rows by number, without colours. */
export interface ShownScreen {
  readonly isAlternate: boolean;
  readonly isCursorShown: boolean;
  readonly rows: readonly string[];
}

/** Reads what a program has written to a terminal of that width, which must not have changed. */
export function readScreen(output: string, columns = Infinity): ShownScreen {
  let [isAlternate, isCursorShown, row] = [false, true, 0];
  const rows = new Map<number, string>();
  for (const part of `m${output}`.split('\u001b[')) {
    const [, parameters = '', command = '', text = ''] =
      /^([?\d;]*)([A-Za-z])(.*)$/s.exec(part) ?? [];
    if (parameters === '?1049') isAlternate = command === 'h';
    if (parameters === '?25') isCursorShown = command === 'h';
    if (command === 'J' || parameters === '?1049') rows.clear();
    if (command === 'H') {
      row = Number(parameters.split(';')[0]) - 1;
      rows.set(row, '');
    }
    // In a full row the cursor stays on the last character, which clearing the rest of the row removes.
    if (command === 'K') {
      rows.set(row, parameters === '2' ? '' : (rows.get(row) ?? '').slice(0, columns - 1));
    }
    if (text !== '') rows.set(row, (rows.get(row) ?? '') + text);
  }
  const height = Math.max(-1, ...rows.keys()) + 1;
  const toRow = (_: unknown, index: number): string => (rows.get(index) ?? '').trimEnd();
  return { isAlternate, isCursorShown, rows: Array.from({ length: height }, toRow) };
}
