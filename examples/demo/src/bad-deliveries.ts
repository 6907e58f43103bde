/** A forged, malformed or irrelevant delivery, and the status that it must get. */
export interface BadDelivery {
  readonly kind: 'forged' | 'malformed' | 'irrelevant';
  readonly expectedStatus: number;
  readonly status: number;
}

/**
 * Sends forged and malformed deliveries.
 *
 * @param callbackUrl a valid one: the receiver must also reject an invalid body with a valid token
 * @param taskId of a submitted task, since an attacker may know one
 */
export async function sendBadDeliveries(
  callbackUrl: string,
  taskId: string,
): Promise<BadDelivery[]> {
  const bare = callbackUrl.split('?')[0] ?? '';
  const task = { task_id: taskId, status: 'TASK_STATUS_SUCCEED' };
  const event = JSON.stringify({ event_type: 'ASYNC_TASK_RESULT', payload: { task } });
  const unknownTask = event.replace(taskId, 'forged-task');
  const poisoned = event.replace('"payload":{', '"payload":{"__proto__":{"admin":true},');
  const deliveries: [BadDelivery['kind'], number, string, string][] = [
    ['forged', 401, bare, unknownTask],
    ['forged', 401, `${bare}?token=`, unknownTask],
    ['forged', 401, `${bare}?token=guess`, unknownTask],
    ['forged', 401, `${callbackUrl}x`, unknownTask],
    ['forged', 401, callbackUrl.replace('token=nwt1.', 'token=nwt1.x'), unknownTask],
    ['malformed', 400, callbackUrl, '{"event_type":'],
    ['malformed', 400, callbackUrl, poisoned],
    ['malformed', 422, callbackUrl, '{"payload":{}}'],
    ['malformed', 422, callbackUrl, '{"event_type":"ASYNC_TASK_RESULT","payload":{"task":{}}}'],
    ['malformed', 413, callbackUrl, ' '.repeat(2 * 1024 * 1024)],
    ['irrelevant', 200, callbackUrl, '{"event_type":"SOME_FUTURE_EVENT","payload":{}}'],
  ];
  return Promise.all(
    deliveries.map(async ([kind, expectedStatus, url, body]) => ({
      kind,
      expectedStatus,
      status: await post(url, body),
    })),
  );
}

/**
 * Posts plain text, since `express.json()` would parse JSON before the middleware. Retries while the
 * server simulates an outage.
 */
async function post(url: string, body: string): Promise<number> {
  const headers = { 'content-type': 'text/plain' };
  for (;;) {
    const { status } = await fetch(url, { method: 'POST', headers, body });
    if (status !== 502) return status;
  }
}
