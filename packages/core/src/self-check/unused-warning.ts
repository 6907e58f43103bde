// Warns if handlers are registered and nothing will ever call them: a worker without start().
import type { Handlers } from '../handlers/handlers.ts';
import type { Inbox } from '../inbox/ports.ts';
import type { Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/logger.ts';
import { readOr } from '../shared/read-or.ts';

/** Warns once, some seconds after the first handler was registered, or when the process ends. */
export interface UnusedWarning {
  /** A handler was registered. */
  handlersChanged(): void;
  started(): void;
  /** An adapter took the receiver, or it was used in a way that needs no `start()`. */
  used(): void;
  /** A callback URL was made: a script that submits tasks may end, a server must not forget its route. */
  minted(): void;
}

interface UnusedWarningParts {
  readonly inbox: Inbox;
  readonly consume: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly handlers: Pick<Handlers, 'handlesResults'>;
}

/** Milliseconds in which a program starts the receiver or mounts it. */
const DELAY_MS = 5000;

const NOT_STARTED =
  'receiver: handlers are registered, but this process neither starts nor mounts the receiver, so nothing calls them. Call receiver.start() in a worker, or mount the receiver on a server. A process that only submits tasks needs no handlers.';
const NOTHING_ARRIVES =
  'receiver: started with the memory inbox, but not mounted, so no event can arrive. Pass a worker the inbox of the processes that accept deliveries, such as postgresInbox({ pool }), or mount the receiver on a server.';

export function createUnusedWarning(parts: UnusedWarningParts): UnusedWarning {
  const { inbox, consume, clock, log, handlers } = parts;
  const { durable, shared } = inbox.capabilities;
  let hasStarted = false;
  let isOver = !consume;
  let mayEnd = false;
  let cancelTimer: (() => void) | undefined;

  function end(): void {
    isOver = true;
    cancelTimer?.();
    pending.delete(check);
  }

  function check(): void {
    end();
    log.warn({}, hasStarted ? NOTHING_ARRIVES : NOT_STARTED);
  }

  return {
    handlersChanged() {
      if (isOver || cancelTimer !== undefined || !handlers.handlesResults()) return;
      // Workers of Cloudflare have no timers while a module is loaded.
      cancelTimer = readOr(() => clock.after(DELAY_MS, check, { background: true }), undefined);
      if (!mayEnd) checkBeforeExit(check);
    },
    started() {
      hasStarted = true;
      if (durable || shared) end();
    },
    used: end,
    minted() {
      mayEnd = true;
      pending.delete(check);
    },
  };
}

const pending = new Set<() => void>();
let isListening = false;

/** A worker without start() has nothing to wait for, so its process ends within the delay. */
function checkBeforeExit(check: () => void): void {
  pending.add(check);
  if (isListening) return;
  isListening = true;
  const { process } = globalThis as {
    process?: { on?: (event: string, listener: () => void) => unknown };
  };
  readOr(() => process?.on?.('beforeExit', () => pending.forEach((run) => run())), undefined);
}
