import {
  inboxContract,
  runCase,
  storeContract,
  type ContractCase,
  type InboxSubject,
  type StoreSubject,
} from '@novita-webhooks/testing';
import type { InboxCapabilities } from '@novita-webhooks/core';
import { describe, test } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** What the subject of a contract declares: scripts/contract-table.mjs shows it. */
    capabilities?: InboxCapabilities;
  }
}

/** Some wait for a disk or a server at every step, and others use those as well. */
const PATIENCE_MS = 30_000;

interface Opened<Subject> {
  readonly subject: Subject;
  close(): Promise<void>;
}

/** How a fresh subject is made for each case. */
export type OpenSubject<Subject> = () => Opened<Subject> | Promise<Opened<Subject>>;

/** Puts a store to everything that stores have to do. */
export function describeStoreContract(name: string, open: OpenSubject<StoreSubject>): void {
  describeContract(`the store contract, by ${name}`, storeContract, open, ({ store }) => store);
}

/** Puts an inbox to everything that inboxes have to do. */
export function describeInboxContract(name: string, open: OpenSubject<InboxSubject>): void {
  describeContract(`the inbox contract, by ${name}`, inboxContract, open, ({ inbox }) => inbox);
}

function describeContract<Subject>(
  title: string,
  contract: readonly ContractCase<Subject>[],
  open: OpenSubject<Subject>,
  partOf: (subject: Subject) => { readonly capabilities: InboxCapabilities },
): void {
  describe(title, () => {
    for (const contractCase of contract) {
      test(contractCase.name, { timeout: PATIENCE_MS }, async ({ skip, task }) => {
        const { subject, close } = await open();
        task.meta.capabilities = partOf(subject).capabilities;
        await runCase(contractCase, () => subject, close, skip);
      });
    }
  });
}
