// One target, in a process of its own.
import { setTimeout } from 'node:timers/promises';

import { replyToParent } from '../lib/child.ts';
import type { ServerReply, ServerRequest } from './protocol.ts';
import { bare } from './targets/bare.ts';
import type { Started } from './targets/listening.ts';
import { startOurs } from './targets/ours.ts';
import { peers } from './targets/peers.ts';
import { FRAMEWORKS, INBOXES, ours } from './targets.ts';

const DRAIN_TIMEOUT_MS = 60_000;

let handled = 0;
let started: Started | undefined;
const onEvent = () => void (handled += 1);

function start(target: string, location: string): Promise<Started> {
  for (const framework of FRAMEWORKS) {
    if (target === framework) return bare[framework](onEvent);
    const inbox = INBOXES.find((name) => target === ours(framework, name));
    if (inbox !== undefined) return startOurs(framework, inbox, location, onEvent);
  }
  const peer = peers[target];
  if (peer === undefined) throw new Error(`bench: no target is named ${target}.`);
  return peer(onEvent);
}

async function drain(expected: number): Promise<void> {
  const deadline = performance.now() + DRAIN_TIMEOUT_MS;
  while (handled < expected && performance.now() < deadline) await setTimeout(5);
}

replyToParent(async (request: ServerRequest): Promise<ServerReply> => {
  if (request.type === 'start') started = await start(request.target, request.location);
  if (started === undefined) throw new Error('bench: the first request must be `start`.');
  if (request.type === 'drain') await drain(request.handled);
  if (request.type === 'stop') await started.stop?.();
  const { user, system } = process.cpuUsage();
  return { url: started.url, scheme: started.scheme, handled, cpuMicros: user + system };
});
