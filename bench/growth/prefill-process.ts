// Prefills a file in a child process, so that its memory does not count.
import { replyToParent } from '../lib/child.ts';
import { prefill, type PrefillOptions } from './prefill.ts';

replyToParent(async (options: PrefillOptions): Promise<true> => {
  prefill(options);
  return true;
});
