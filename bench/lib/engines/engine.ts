import type { Inbox, NewEntry } from '@novita-webhooks/core';

/** The measured engines. `memory` is the baseline. */
export const ENGINES = ['memory', 'sqlite', 'postgres', 'bullmq'] as const;
export type EngineName = (typeof ENGINES)[number];

/** An engine that benchmarks can measure. */
export interface Engine {
  /** Whether several processes can share one inbox. */
  readonly shared: boolean;
  /** How the engine's own client stores an entry; `null` if the engine has no client. */
  readonly plain: string | null;
  /** Resolves to the version and the settings that matter. Rejects if the engine cannot be used. */
  describe(): Promise<string>;
  /** Prepares a place for a new inbox. Runs in the parent process. */
  createPlace(): Promise<Place>;
  /** Opens the inbox. Runs in the child processes. */
  open(location: string): Promise<Opened>;
}

/** The place of an inbox: a file, a schema, a key prefix. */
export interface Place {
  /** The argument of `open`. */
  readonly location: string;
  size(): Promise<Size>;
  /** After many imports: what the engine does by itself within a minute, unless that is switched off. */
  maintain?(): Promise<void>;
  /** CPU time of the engine's own processes so far, in milliseconds; `NaN` if unknown. */
  cpuMs(): Promise<number>;
  remove(): Promise<void>;
}

/** In bytes; `NaN` if unknown. `logged` only grows. */
interface Size {
  readonly kept: number;
  readonly logged: number;
}

export interface Opened {
  readonly inbox: Inbox;
  readonly plain?: Plain | undefined;
  /** Called after the inbox is closed. */
  close(): Promise<void>;
}

/** The engine's own client without the inbox, with the same connections and durability. */
export interface Plain {
  /** Stores an entry unless its key exists. */
  add(entry: NewEntry): Promise<unknown>;
  count(): Promise<number>;
}

/** For engines without their own processes. */
export const unknownCpu = (): Promise<number> => Promise.resolve(NaN);
