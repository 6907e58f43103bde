// The bodies that `doctor` delivers.

/** An event that every receiver drops without a log line. `receiver.check()` sends it, too. */
export const PROBE: string = JSON.stringify({ event_type: 'NOVITA_WEBHOOKS_PROBE' });

/** A probe of about this many bytes. */
export const createLargeProbe = (bytes: number): string =>
  JSON.stringify({ event_type: 'NOVITA_WEBHOOKS_PROBE', padding: 'x'.repeat(bytes) });

/**
 * The event of a failed task. Of both results it is the harmless one: a handler has no file to fetch, and
 * the reason says where it comes from.
 */
export const createTestEvent = (taskId: string): string =>
  JSON.stringify({
    event_type: 'ASYNC_TASK_RESULT',
    payload: {
      task: {
        task_id: taskId,
        status: 'TASK_STATUS_FAILED',
        reason: 'a test event of `novita-webhooks doctor`',
        task_type: 'TXT_TO_IMG',
        eta: 0,
        progress_percent: 0,
      },
      extra: {},
      images: [],
      videos: [],
      audios: [],
    },
  });
