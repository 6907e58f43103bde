import type { Store } from '@novita-webhooks/core';

/** The store methods that are called through the port of the thread. */
export type Method = Exclude<keyof Store, 'capabilities' | 'transaction' | 'promote' | 'claimOne'>;

export interface Call {
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
}

export type Return =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: unknown };
