// What turns the event of a task that succeeded into one of a running task.
import type { EventChange } from './edit-event.ts';
import type { TriggerOptions } from './trigger-options.ts';

const PROGRESS_PERCENT = 50;

/** Changes for `--status processing` and `--status queued`: a progress, and no outputs. */
export const toProgress = ({ status }: Pick<TriggerOptions, 'status'>): readonly EventChange[] =>
  status === 'TASK_STATUS_PROCESSING' || status === 'TASK_STATUS_QUEUED'
    ? [
        { path: ['payload', 'task', 'status'], value: status },
        {
          path: ['payload', 'task', 'progress_percent'],
          value: status === 'TASK_STATUS_QUEUED' ? 0 : PROGRESS_PERCENT,
        },
        ...['images', 'videos', 'audios'].map((media) => ({ path: ['payload', media], value: [] })),
      ]
    : [];
