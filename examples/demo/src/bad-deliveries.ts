/** A delivery that has no business here, and the answer that it must get. */
export interface Intrusion {
  readonly what: 'forged' | 'malformed' | 'irrelevant';
  readonly expected: number;
  readonly answered: number;
}

/**
 * Forged and malformed deliveries.
 *
 * @param callbackUrl a genuine one: bad bodies with a good token are the receiver's problem as well
 * @param taskId of a real task, which a forger might know
 */
export async function intrude(callbackUrl: string, taskId: string): Promise<Intrusion[]> {
  const bare = callbackUrl.split('?')[0] ?? '';
  const task = { task_id: taskId, status: 'TASK_STATUS_SUCCEED' };
  const event = JSON.stringify({ event_type: 'ASYNC_TASK_RESULT', payload: { task } });
  const unknownTask = event.replace(taskId, 'forged-task');
  const deliveries: [Intrusion['what'], number, string, string][] = [
    ['forged', 401, bare, unknownTask],
    ['forged', 401, `${bare}?token=`, unknownTask],
    ['forged', 401, `${bare}?token=guess`, unknownTask],
    ['forged', 401, `${callbackUrl}x`, unknownTask],
    ['forged', 401, callbackUrl.replace('token=nwt1.', 'token=nwt1.x'), unknownTask],
    ['malformed', 400, callbackUrl, '{"event_type":'],
    [
      'malformed',
      400,
      callbackUrl,
      event.replace('"payload":{', '"payload":{"__proto__":{"admin":true},'),
    ],
    ['malformed', 422, callbackUrl, '{"payload":{}}'],
    ['malformed', 422, callbackUrl, '{"event_type":"ASYNC_TASK_RESULT","payload":{"task":{}}}'],
    ['malformed', 413, callbackUrl, ' '.repeat(2 * 1024 * 1024)],
    ['irrelevant', 200, callbackUrl, '{"event_type":"SOME_FUTURE_EVENT","payload":{}}'],
  ];
  return Promise.all(
    deliveries.map(async ([what, expected, url, body]) => ({
      what,
      expected,
      answered: await post(url, body),
    })),
  );
}

/** Plain text, so that `express.json()` leaves the body to the middleware; through every outage. */
async function post(url: string, body: string): Promise<number> {
  const headers = { 'content-type': 'text/plain' };
  for (;;) {
    const { status } = await fetch(url, { method: 'POST', headers, body });
    if (status !== 502) return status;
  }
}
