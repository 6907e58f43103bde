import { expect, test } from 'vitest';

import { cut, fit, widthOf, wrap } from '../src/simulate/text-width.ts';

test.each([
  ['a red kite', 5, 'a re…', 'a re…'],
  ['a red kite', 12, 'a red kite', 'a red kite  '],
  ['赤い凧です', 7, '赤い凧…', '赤い凧…'],
  ['赤い凧です', 6, '赤い…', '赤い… '],
  ['👩🏽‍🚀👩🏽‍🚀', 3, '👩🏽‍🚀…', '👩🏽‍🚀…'],
  ['e\u0301te\u0301s', 4, 'e\u0301te\u0301s', 'e\u0301te\u0301s'],
  ['kite', 1, '…', '…'],
  ['kite', 0, '', ''],
  ['', 2, '', '  '],
])('cut and fit: %s to %i columns', (text, columns, cutText, fitText) => {
  expect(cut(text, columns)).toBe(cutText);
  expect(fit(text, columns)).toBe(fitText);
  expect(widthOf(fitText)).toBe(columns);
});

test('wrap: breaks after words, and in long ones', () => {
  expect(wrap('one two three', 8, '  ')).toEqual(['one two', '  three']);
  expect(wrap('http://a/very-long-link', 10, '  ')).toEqual([
    'http://a/v',
    '  ery-long',
    '  -link',
  ]);
  expect(wrap('赤い凧です', 5, ' ')).toEqual(['赤い', ' 凧で', ' す']);
  expect(wrap('short', 8, '  ')).toEqual(['short']);
});

test('wrap: cuts where no character fits', () => {
  expect(wrap('one two three', 2, '    ')).toEqual(['o…']);
  expect(wrap('one', 0, '  ')).toEqual(['']);
});
