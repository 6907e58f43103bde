import { describe, expect, onTestFinished, test } from 'vitest';

import { findNatsServer, startNatsServer } from './support/nats-server.ts';
import { codeBlocks, runUntil } from './support/snippets.ts';

const DOCUMENT = 'docs/your-own-engine.md';
const env = { NOVITA_WEBHOOK_SECRET: 'a secret for the recipe, long enough to sign' };
const TIMEOUT_MS = 60_000;

const [onlyAdd = '', store = '', inbox = ''] = await codeBlocks(DOCUMENT);
const [contract = ''] = await codeBlocks(DOCUMENT, 'js');

/** The two lines can come in any order. */
const ANSWERED_AND_HANDLED = /^answers (.|\n)*^handled \S+|^handled (.|\n)*^answers .*$/m;

/** Delivers an event and its copy before the snippet waits for messages. */
const deliverTwice = `
  import { sampleEvents, signedDelivery } from '@novita-webhooks/testing';
  const deliver = async () =>
    receiver.handle(await signedDelivery(receiver, sampleEvents.imageSucceeded()));
  console.log('answers', (await deliver()).body, (await deliver()).body);`;

const version = await findNatsServer('the recipe for an inbox of add alone');

describe.skipIf(version === undefined)('the add-only inbox of the document', () => {
  async function run(code: string, wanted: RegExp): Promise<string> {
    const nats = await startNatsServer();
    onTestFinished(() => nats.remove());
    const before = onlyAdd.indexOf('// Where they are handled');
    const [web, worker] = [onlyAdd.slice(0, before), onlyAdd.slice(before)];
    return runUntil(`${web}\n${code}\n${worker}`, wanted, { ...env, NATS_URL: nats.url });
  }

  test(
    'passes an accepted event once to its handlers',
    async () => {
      const printed = await run(deliverTwice, /^handled \S+/m);
      expect(printed).toMatch(/^answers .*accepted.*duplicate/m);
      expect(printed.match(/^handled/gm)).toHaveLength(1);
    },
    TIMEOUT_MS,
  );

  test(
    'passes the contract of add-only inboxes',
    async () => {
      const code = `
        import { addOnlyContract, runCase } from '@novita-webhooks/testing';
        const lastSeq = async () => (await streams.info('EVENTS')).state.last_seq;
        for (const one of addOnlyContract) {
          const before = await lastSeq();
          const received = async () => {
            const messages = [];
            for (let seq = before + 1; seq <= (await lastSeq()); seq += 1)
              messages.push((await streams.getMessage('EVENTS', { seq })).data);
            return messages;
          };
          await runCase(one, () => ({ inbox, received }), async () => undefined, console.log);
        }
        console.log('cases passed', addOnlyContract.length);`;
      await run(code, /^cases passed [1-9]/m);
    },
    TIMEOUT_MS,
  );
});

describe('the store of the document', () => {
  test(
    'stores an event and handles it',
    async () => {
      const printed = await runUntil(`${store}\n${deliverTwice}`, ANSWERED_AND_HANDLED, env);
      expect(printed).toMatch(/^answers .*accepted.*duplicate/m);
    },
    TIMEOUT_MS,
  );

  test(
    'passes the store contract in node:test',
    async () => {
      const openMyStore = `
        import { rmSync } from 'node:fs';
        import type { Clock } from '@novita-webhooks/core';
        const openMyStore = ({ clock }: { clock: Clock }) => {
          rmSync(FILE, { force: true });
          return fileStore(() => clock.now());
        };`;
      const code = [store, openMyStore, contract].join('\n');
      const printed = await runUntil(code, /^# duration_ms/m, env);
      expect(printed).toMatch(/^# pass [3-9]\d$/m);
      expect(printed).toMatch(/^# fail 0$/m);
    },
    TIMEOUT_MS,
  );
});

test(
  'the inbox of the document handles an event and passes the inbox contract',
  async () => {
    const code = `
      import { createManualClock, inboxContract, runCase } from '@novita-webhooks/testing';
      let passed = 0;
      for (const one of inboxContract) {
        const clock = createManualClock();
        const open = () => ({
          inbox: countingInbox(memoryInbox({ clock, leaseDurationMs: 30_000 })),
          leaseDurationMs: 30_000,
          advance: (ms: number) => clock.advance(ms),
        });
        await runCase(one, open, ({ inbox }) => inbox.close(), () => (passed -= 1));
        passed += 1;
      }
      console.log('cases passed', passed);`;
    const printed = await runUntil(
      [inbox, deliverTwice, code].join('\n'),
      /^cases passed \d\d/m,
      env,
    );
    expect(printed).toMatch(/^handled \S+/m);
    expect(printed).toMatch(/^answers .*accepted.*duplicate/m);
  },
  TIMEOUT_MS,
);
