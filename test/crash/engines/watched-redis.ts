import { createHash } from 'node:crypto';

import { Redis } from 'ioredis';

import type { KillPointName } from '../kill-points.ts';
import type { Reach } from '../kill-switch.ts';

/** What a script does, and the points just before it is sent and just after its answer. */
interface Work {
  /** A script of BullMQ, by its name. The inbox does not know that it is watched. */
  readonly script: RegExp;
  readonly point: KillPointName;
  /** Where it is not the same. */
  readonly after?: KillPointName;
  /** Whether there was something to do, by the answer; without it there always is. */
  readonly isHit?: (answer: unknown) => boolean;
}

const WORKS: readonly Work[] = [
  { script: /^addStandardJob/, point: 'commit', after: 'committed' },
  {
    script: /^moveToActive/,
    point: 'claim',
    isHit: (answer) => Array.isArray(answer) && Array.isArray(answer[0]),
  },
  { script: /^(moveToFinished|moveToDelayed)/, point: 'settle' },
  { script: /^cleanJobsInSet/, point: 'deleteExpired' },
];

interface Command {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly promise: Promise<unknown>;
}

/** Calls `reach` around the scripts of every connection that is made from now on. */
export function watchCommands(reach: Reach): void {
  const names = new Map<unknown, string>();
  const { sendCommand, defineCommand } = Redis.prototype;

  Redis.prototype.defineCommand = function (this: Redis, name, definition) {
    names.set(createHash('sha1').update(definition.lua).digest('hex'), name);
    defineCommand.call(this, name, definition);
  };

  Redis.prototype.sendCommand = function (this: Redis, ...args) {
    const command = args[0] as unknown as Command;
    const name = names.get(command.args[0]);
    const work = name && WORKS.find(({ script }) => script.test(name));
    if (work) watchWork(work, command);
    return sendCommand.apply(this, args);
  };

  function watchWork({ point, after = point, isHit }: Work, { promise }: Command): void {
    if (isHit === undefined) reach(point);
    promise.then((answer) => {
      if (isHit?.(answer) ?? true) reach(after);
    }, ignore);
  }
}

function ignore(): void {
  // The client that sent the command gets the error.
}
