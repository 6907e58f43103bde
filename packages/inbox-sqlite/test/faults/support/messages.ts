export interface ReceiverOptions {
  readonly path: string;
  readonly busyTimeoutMs?: number;
  readonly leaseDurationMs?: number;
  readonly cleanupIntervalMs?: number;
  readonly handlerMs?: number;
}

/** The commands of a receiver process, by the type of their results. */
export interface CommandResults {
  readonly states: readonly { taskId: string; state: string; attempts: number }[];
  readonly addMany: { readonly added: number; readonly megabytes: number };
  readonly exhaustDescriptors: null;
  readonly freeDescriptors: null;
  readonly countDescriptors: number;
  readonly close: number;
  readonly add: string;
}

export interface Command {
  readonly id: number;
  readonly name: keyof CommandResults;
  readonly argument: number;
}

/** A message from a receiver process. */
export type Message =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'log'; readonly level: string; readonly text: string }
  | { readonly type: 'handler-started' | 'handler-ended'; readonly taskId: string }
  | {
      readonly type: 'result';
      readonly id: number;
      readonly value?: unknown;
      readonly error?: string;
    };
