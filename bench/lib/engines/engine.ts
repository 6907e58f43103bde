import type { Inbox, NewEntry } from '@novita-webhooks/core';

/** The engines that are measured; `memory` for orientation. */
export const ENGINES = ['memory', 'sqlite', 'postgres', 'bullmq'] as const;
export type EngineName = (typeof ENGINES)[number];

/** What a benchmark needs of an engine. */
export interface Engine {
  /** Whether several processes can share one inbox on it. */
  readonly shared: boolean;
  /** What a plain client does to keep an entry, in words. */
  readonly plain: string;
  /** Its version, and the settings that figures depend on. Rejects when it cannot be used. */
  describe(): Promise<string>;
  /** Room for a fresh inbox. In the parent. */
  createPlace(): Promise<Place>;
  /** In the children. */
  open(location: string): Promise<Opened>;
}

/** Where an inbox is: a file, a schema, a key prefix. */
export interface Place {
  /** What children need to open it. */
  readonly location: string;
  size(): Promise<Size>;
  /** Processor time of the engine's own processes until now, in milliseconds; `NaN` if unknown. */
  cpuMs(): Promise<number>;
  remove(): Promise<void>;
}

/** In bytes; `NaN` where the engine does not tell. Logs count from the beginning of time. */
interface Size {
  readonly kept: number;
  readonly logged: number;
}

export interface Opened {
  readonly inbox: Inbox;
  readonly plain?: Plain | undefined;
  /** After the inbox was closed. */
  close(): Promise<void>;
}

/** The engine's own client, without us: through the same connections, with the same durability. */
export interface Plain {
  /** Keeps an entry unless its key is there. */
  add(entry: NewEntry): Promise<unknown>;
  count(): Promise<number>;
}

/** For places without processes of their own. */
export const noCpu = (): Promise<number> => Promise.resolve(NaN);
