/** BullMQ takes no ':' in names; nor may an id be a number, or one of the keys of a queue. */
const UNSAFE = /[^A-Za-z0-9_.-]/g;

/**
 * Any text as a part of a key, each one as another: ordinary ids stay as they are. By UTF-16 units,
 * since a text of JSON may hold half of a surrogate pair.
 */
function escape(text: string): string {
  return text.replace(UNSAFE, (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The id of a task's job. */
export function toJobId(taskId: string): string {
  return `task-${escape(taskId)}`;
}

/** The name of an endpoint's queue. The last '.' is where the endpoint begins. */
export function toQueueName(name: string, endpoint: string): string {
  return `${name}.${escape(endpoint).replaceAll('.', '%002e')}`;
}
