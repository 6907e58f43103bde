import type { Connection } from '../connection/connection.ts';
import { within } from '../connection/within.ts';
import { inboxClosed } from '../errors.ts';

/** One of BullMQ's objects that have a connection. */
interface Connected {
  on(event: 'error', listener: () => void): unknown;
  waitUntilReady(): Promise<unknown>;
  close(force?: boolean): Promise<void>;
}

/** An object of BullMQ's that is made when it is first needed, and again after it was closed. */
export interface WhenFirstNeeded<T> {
  get(): Promise<T>;
  close(): Promise<void>;
}

interface Opened<T> {
  readonly object: T;
  close(): Promise<void>;
  /** Closes one that did not become ready. */
  abandon(): Promise<void>;
}

/**
 * BullMQ's objects begin with commands of their own, and stay unusable when these fail. So an object
 * that does not become ready is given up, and the next call makes another.
 */
export function whenFirstNeeded<T extends Connected>(
  connection: Connection,
  create: () => T,
): WhenFirstNeeded<T> {
  let current: Promise<Opened<T>> | undefined;

  async function open(): Promise<Opened<T>> {
    let opened: Opened<T> | undefined;
    try {
      return await connection.run(async () => {
        opened = createOpened(connection, create);
        await opened.object.waitUntilReady();
        return opened;
      });
    } catch (error) {
      current = undefined;
      void opened?.abandon();
      throw error;
    }
  }

  return {
    async get() {
      if (current === undefined && connection.isClosing()) throw inboxClosed();
      return (await (current ??= open())).object;
    },
    async close() {
      const closing = current;
      current = undefined;
      await (await closing?.catch(ignore))?.close();
    },
  };
}

function createOpened<T extends Connected>(connection: Connection, create: () => T): Opened<T> {
  const { commandTimeoutMs, duplicates } = connection;
  const object = create();
  const own = duplicates.splice(0);
  object.on('error', ignore); // the connection reports it

  function disconnectOwn(): void {
    for (const client of own) client.disconnect();
  }

  async function close(): Promise<void> {
    const closed = object.close(true).catch(ignore);
    disconnectOwn(); // or it would wait for a job to the end
    await within(commandTimeoutMs, closed);
  }

  return {
    object,
    close,
    async abandon() {
      // BullMQ 5 throws the error of its start into the process if it was closed before.
      disconnectOwn();
      await within(commandTimeoutMs, object.waitUntilReady().catch(ignore));
      await close();
    },
  };
}

function ignore(): void {
  // The caller that needed the object gets the error.
}
