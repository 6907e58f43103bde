import type { Store } from '@novita-webhooks/core';

/** The functions of a store that go through a thread's port. */
export type Method = Exclude<keyof Store, 'capabilities' | 'transaction' | 'promote' | 'claimOne'>;

export interface Call {
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
}

export type Return =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: unknown };
