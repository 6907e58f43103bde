// What receiver.check() can find, and how serious it is.

/** Something that `receiver.check()` found. */
export interface Finding {
  /** `error`: events are not received or handled. `warn`: some are not. `info`: good to know. */
  readonly level: 'error' | 'warn' | 'info';
  readonly code: FindingCode;
  /** What is wrong, and what to do. */
  readonly message: string;
}

/** What can be found. Codes are stable; messages may change. */
export type FindingCode =
  /**
   * The inbox does not answer. Read its error in the message: deliveries get 503 until it is removed.
   */
  | 'inbox_unavailable'
  /**
   * The inbox keeps events in memory, so the end of the process loses them. Pass a durable inbox in
   * production, where this is `warn` unless `ack` is `'handled'`.
   */
  | 'inbox_not_durable'
  /** No handler for results is registered. Register `onTaskSucceeded` and `onTaskFailed`. */
  | 'no_handlers'
  /** No handler for succeeded tasks is registered. Register `onTaskSucceeded`. */
  | 'no_success_handler'
  /** No handler for failed tasks is registered. Register `onTaskFailed`. */
  | 'no_failure_handler'
  /** `insecure: true` accepts events from any sender. Pass a `secret`. */
  | 'insecure'
  /** The receiver has no `url`. Pass it in processes that submit tasks. */
  | 'url_missing'
  /** `url` is a public address with `http:`. Use `https:`. */
  | 'url_not_https'
  /** `url` has a host that Novita cannot reach. Use a public address, a tunnel or the simulator. */
  | 'url_not_public'
  /** The webhooks are mounted on another path than that of `url`. Make both the same. */
  | 'path_differs'
  /** `limits.replyTimeoutMs` is longer than Novita waits. Use less than 5000. */
  | 'reply_timeout_too_long'
  /** No connection to `url`. Start the server first, and compare `url` with its address. */
  | 'url_unreachable'
  /**
   * A request to `url` got no answer in time. Look for code that neither answers nor calls `next()`, such
   * as `(request, response) => novitaWebhooks(receiver)` in place of `novitaWebhooks(receiver)`.
   */
  | 'url_not_answered'
  /** `url` redirects. Use the address that it leads to: a delivery may not follow. */
  | 'url_redirected'
  /**
   * Something else answered the request: another route, a proxy, or a receiver with another secret.
   * Compare `url` with the path in `app.post(path, …)`, and the secrets of both processes.
   */
  | 'url_answered_by_another'
  /**
   * A receiver got the request and refused it. The message names the code of the reply and what to
   * do, for example which line to move if a body parser took the body.
   */
  | 'url_refused'
  /**
   * The Task Result API rejects the key of `taskResults`. Pass the API key of the account that submits the
   * tasks.
   */
  | 'api_key_rejected'
  /** The Task Result API did not answer as it should. Check `baseUrl` and the network. */
  | 'api_unavailable'
  /**
   * With `confirm`, events wait for the Task Result API. The message says how many, for how long and why:
   * check `apiKey` and `baseUrl`. It is `error` if the oldest has waited for an hour.
   */
  | 'results_waiting';

/** How serious each finding is. */
export const findingLevels: Readonly<Record<FindingCode, Finding['level']>> = {
  inbox_unavailable: 'error',
  inbox_not_durable: 'info',
  no_handlers: 'warn',
  no_success_handler: 'warn',
  no_failure_handler: 'warn',
  insecure: 'warn',
  url_missing: 'info',
  url_not_https: 'warn',
  url_not_public: 'info',
  path_differs: 'warn',
  reply_timeout_too_long: 'warn',
  url_unreachable: 'error',
  url_not_answered: 'error',
  url_redirected: 'error',
  url_answered_by_another: 'error',
  url_refused: 'error',
  api_key_rejected: 'error',
  api_unavailable: 'warn',
  results_waiting: 'warn',
};

export const finding = (
  code: FindingCode,
  message: string,
  level: Finding['level'] = findingLevels[code],
): Finding => ({ level, code, message });
