import {
  adapterContract,
  inboxContract,
  runCase,
  storeContract,
  type AdapterSubject,
  type ContractCase,
  type InboxSubject,
  type StoreSubject,
} from '@novita-webhooks/testing';
import type { InboxCapabilities } from '@novita-webhooks/core';
import { describe, test } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** Declared by the subject of a contract. scripts/contract-table.mjs prints them. */
    capabilities?: InboxCapabilities;
  }
}

interface Opened<Subject> {
  readonly subject: Subject;
  close(): Promise<void>;
}

/** Creates a fresh subject for one case. */
export type OpenSubject<Subject> = () => Opened<Subject> | Promise<Opened<Subject>>;

/** Runs the store contract. */
export function describeStoreContract(name: string, open: OpenSubject<StoreSubject>): void {
  describeContract(`the store contract, by ${name}`, storeContract, open, ({ store }) => store);
}

/** Runs the inbox contract. */
export function describeInboxContract(name: string, open: OpenSubject<InboxSubject>): void {
  describeContract(`the inbox contract, by ${name}`, inboxContract, open, ({ inbox }) => inbox);
}

/** Runs the adapter contract, or only some of its cases. */
export function describeAdapterContract(
  name: string,
  subject: AdapterSubject,
  cases = adapterContract,
): void {
  describe(`the adapter contract, by ${name}`, () => {
    for (const contractCase of cases) {
      const open = () => subject;
      const close = async () => undefined;
      test(contractCase.name, ({ skip }) => runCase(contractCase, open, close, skip));
    }
  });
}

function describeContract<Subject>(
  title: string,
  contract: readonly ContractCase<Subject>[],
  open: OpenSubject<Subject>,
  partOf: (subject: Subject) => { readonly capabilities: InboxCapabilities },
): void {
  describe(title, () => {
    for (const contractCase of contract) {
      test(contractCase.name, async ({ skip, task }) => {
        const { subject, close } = await open();
        task.meta.capabilities = partOf(subject).capabilities;
        await runCase(contractCase, () => subject, close, skip);
      });
    }
  });
}
