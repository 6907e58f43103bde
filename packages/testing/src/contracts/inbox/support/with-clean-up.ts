import { setTimeout as pause } from 'node:timers/promises';

import type { Inbox } from '@novita-webhooks/core';

import type { InboxCase, InboxSubject } from '../inbox-subject.ts';

/** What a case has started and not ended yet. */
interface Open {
  readonly consumers: Set<() => Promise<void>>;
  readonly inboxes: Set<() => Promise<void>>;
}

/**
 * Ends what a case leaves, also if it fails: stops its consumers, then closes the inboxes that it opened
 * beside that of the subject. Otherwise they would go on beside the next case.
 */
export function withCleanUp(inboxCase: InboxCase): InboxCase {
  return {
    ...inboxCase,
    async run(subject) {
      const open: Open = { consumers: new Set(), inboxes: new Set() };
      try {
        await inboxCase.run(observe(subject, open));
      } finally {
        await endAll(open.consumers, subject);
        await endAll(open.inboxes, subject);
      }
    },
  };
}

function observe(subject: InboxSubject, open: Open): InboxSubject {
  const { openPeer, openSleeper } = subject;
  const opens = (openInbox: () => Promise<Inbox> | Inbox) => async () => {
    const inbox = observeInbox(await openInbox.call(subject), open);
    open.inboxes.add(inbox.close);
    return inbox;
  };
  return override(subject, {
    inbox: observeInbox(subject.inbox, open),
    ...(openPeer && { openPeer: opens(openPeer) }),
    ...(openSleeper && { openSleeper: opens(openSleeper) }),
  });
}

function observeInbox(inbox: Inbox, { consumers, inboxes }: Open): Inbox {
  async function close(): Promise<void> {
    inboxes.delete(close);
    await inbox.close();
  }
  return override(inbox, {
    close,
    consume(run, options) {
      const consumer = inbox.consume(run, options);
      const stopNow = () => consumer.stop({ gracePeriodMs: 0 });
      consumers.add(stopNow);
      return {
        async stop(how) {
          await consumer.stop(how);
          consumers.delete(stopNow);
        },
      };
    },
  });
}

/** An object with some members replaced. It may be of a class. */
function override<T extends object>(original: T, replaced: Partial<T>): T {
  return new Proxy(original, {
    get(_, name) {
      if (Object.hasOwn(replaced, name)) return Reflect.get(replaced, name) as unknown;
      const value: unknown = Reflect.get(original, name);
      return typeof value === 'function' ? (value.bind(original) as unknown) : value;
    },
  });
}

/** Longer than an inbox needs to abort its attempts and to give back their leases. */
const MAX_STEPS = 20;
const STEP_MS = 250;

/** Lets time pass meanwhile. Gives up on what does not end: the subject is broken. */
async function endAll(ends: Iterable<() => Promise<void>>, subject: InboxSubject): Promise<void> {
  const ending = Promise.allSettled([...ends].map((end) => end())).then(() => true);
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const advancing = Promise.allSettled([subject.advance(STEP_MS)]).then(() => false);
    const late = pause(STEP_MS * 2, false, { ref: false });
    if (await Promise.race([ending, advancing, late])) return;
  }
}
