import type { TaskResult } from '@novita-webhooks/core';
import { expect, expectTypeOf, test } from 'vitest';

import { typeErrorsOf } from '../../../test/support/type-errors.ts';

// Type tests: `tsc --noEmit` fails if one of them is wrong.

const PARTS = {
  result: 'task_result',
  'result.task': 'id',
  'result.extra': 'seeds',
  'result.images[0]!': 'url',
  'result.images[0]!.nsfw_detection_result!': 'certain',
  'result.videos[0]!': 'image_url',
  'result.audios[0]!': 'metadata',
  'result.audios[0]!.audio_metadata!': 'texts',
};

test('TaskResult: a misspelled field is a type error in each of its parts', () => {
  const lines = Object.entries(PARTS).map(([part, field]) => `  void ${part}.${field};`);
  const code = `import type { TaskResult } from '@novita-webhooks/core';
export function handle(result: TaskResult): void {
${lines.join('\n')}
}`;
  const fields = typeErrorsOf(code).map((message) => /^Property '(\w+)'/.exec(message)?.[1]);
  expect(fields).toEqual(Object.values(PARTS));
});

test('TaskResult: a field that the types do not know can be read', () => {
  const read = ({ extra, images: [image] }: TaskResult): unknown[] => {
    if ('watermark' in extra) expectTypeOf(extra.watermark).toEqualTypeOf<unknown>();
    return image !== undefined && 'width' in image ? [image.width] : [];
  };
  expectTypeOf(read).toBeFunction();
});
