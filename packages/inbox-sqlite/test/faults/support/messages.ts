export interface VictimOptions {
  readonly path: string;
  readonly busyTimeoutMs?: number;
  readonly leaseDurationMs?: number;
  readonly cleanupIntervalMs?: number;
  readonly handlerMs?: number;
}

/** What a victim can be asked for, and what it answers. */
export interface Answers {
  readonly states: readonly { taskId: string; state: string; attempts: number }[];
  readonly addMany: { readonly added: number; readonly megabytes: number };
  readonly exhaust: null;
  readonly relax: null;
  readonly descriptors: number;
  readonly close: number;
  readonly add: string;
}

export interface Command {
  readonly id: number;
  readonly name: keyof Answers;
  readonly argument: number;
}

/** What a victim tells by itself. */
export type News =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'log'; readonly level: string; readonly text: string }
  | { readonly type: 'began' | 'handled'; readonly taskId: string }
  | {
      readonly type: 'answer';
      readonly id: number;
      readonly value?: unknown;
      readonly error?: string;
    };
