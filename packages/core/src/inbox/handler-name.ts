/** What makes the default name of a handler. */
export interface NameParts {
  readonly event: string;
  readonly filter: object;
  readonly handle: (...args: never[]) => unknown;
}

/**
 * The name of a handler without `handlerName`: its event, its place among such handlers, their number,
 * and a hash of its source text and filter. So a handler that is new or has another place in a later
 * release never has the name of a handler that succeeded before. See docs/decisions/0007.
 *
 * The function's own name is not used, because a minifier may give it to another function.
 */
export function defaultName(handler: NameParts, unnamed: readonly NameParts[]): string {
  const { event, filter, handle } = handler;
  const others = unnamed.filter((other) => other.event === event);
  const source = Function.prototype.toString.call(handle);
  const hash = hashText(JSON.stringify(filter) + source);
  return `${event}#${others.indexOf(handler) + 1}/${others.length}:${hash}`;
}

/**
 * A handler without `handlerName` for log lines: the function's own name, or the method that registered
 * it and its place. One or two letters are the name that a minifier chose.
 */
export function labelOf(handler: NameParts, all: readonly NameParts[]): string {
  const { name } = handler.handle;
  if (name.length > 2) return name;
  const place = all.filter(({ event }) => event === handler.event).indexOf(handler) + 1;
  return toLabel(handler.event, place);
}

/**
 * The name of a handler for people. The name that entries keep of a handler without `handlerName`, such as
 * `succeeded#1/2:ncktn1`, becomes `onTaskSucceeded #1`. Other names stay.
 *
 * @example
 * console.log(entry.succeededHandlers.map(describeHandlerName));
 */
export function describeHandlerName(name: string): string {
  const [event = '', place] = name.split(/[#/]/);
  return isDefaultName(name) ? toLabel(event, Number(place)) : name;
}

function toLabel(event: string, place: number): string {
  return `onTask${event.charAt(0).toUpperCase()}${event.slice(1)} #${place}`;
}

/** Whether names of a replay mean a handler: by its name, or by its name for people. */
export function isNamed(names: readonly string[], name: string): boolean {
  return names.includes(name) || names.includes(describeHandlerName(name));
}

/** Whether a name in an entry is the default name of some version of the program. */
export function isDefaultName(name: string): boolean {
  return /^(succeeded|failed|finished|progress)#\d+\/\d+:[0-9a-z]+$/.test(name);
}

/** FNV-1a, 32 bits: tells versions of a handler apart, and needs no Web Crypto, which is async. */
function hashText(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0).toString(36);
}
