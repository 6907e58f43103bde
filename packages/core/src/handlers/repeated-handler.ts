/** What decides whether a function runs twice for one event. */
interface Registered {
  readonly event: string;
  readonly filter: {
    readonly media?: string | readonly string[] | undefined;
    readonly taskType?: string | readonly string[] | undefined;
    readonly handlerName?: string | undefined;
  };
  readonly handle: unknown;
}

/**
 * Whether the last handler is a function that is registered already, for results that both get. Two that
 * have a `handlerName` each are meant so.
 */
export function isLastRepeated(handlers: readonly Registered[]): boolean {
  const last = handlers.at(-1);
  return last !== undefined && handlers.slice(0, -1).some((other) => isSame(other, last));
}

function isSame(one: Registered, other: Registered): boolean {
  const isNamed = ({ filter }: Registered) => filter.handlerName !== undefined;
  return (
    one.handle === other.handle &&
    !(isNamed(one) && isNamed(other)) &&
    (one.event === other.event || isFinishedOf(one, other) || isFinishedOf(other, one)) &&
    haveCommon(one.filter.media, other.filter.media) &&
    haveCommon(one.filter.taskType, other.filter.taskType)
  );
}

/** `onTaskFinished` gets the results of `onTaskSucceeded` and `onTaskFailed` as well. */
function isFinishedOf({ event }: Registered, other: Registered): boolean {
  return event === 'finished' && other.event !== 'progress';
}

type Wanted = string | readonly string[] | undefined;

function haveCommon(one: Wanted, other: Wanted): boolean {
  if (one === undefined || other === undefined) return true;
  return [one].flat().some((value) => [other].flat().includes(value));
}
