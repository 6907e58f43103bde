// Fills a file from a process of its own: what that takes of memory goes with it.
import { answerParent } from '../lib/child.ts';
import { prefill, type PrefillOptions } from './prefill.ts';

answerParent(async (options: PrefillOptions): Promise<true> => {
  prefill(options);
  return true;
});
