// What both the server and the process that fuzzes it know.

/** Text in every input. A reply or a log line that contains it repeats a value of the request. */
export const MARK = 'mArK7f3a';

/** Path of the endpoint. */
export const PATH = '/webhooks/novita';
