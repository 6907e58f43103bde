import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createFiller, seenBy } from '../../../inbox-sqlite/test/faults/support/full-disk.ts';
import { works } from '../../../inbox-sqlite/test/faults/support/needs.ts';
import { ENOUGH, startScene } from './support/receiver-fixture.ts';
import { createServerOf, findPrograms, user, type Server } from './support/server.ts';

const bin = findPrograms();
const DISK = '/mnt';
/** Mounts of its own, which end with it; and it is run by whom it accepts. */
const wrap = [
  ...['unshare', '-m', 'sh', '-c'],
  `mount -t tmpfs -o size=6m,uid=${user.uid},gid=${user.gid},mode=700 none ${DISK} && ` +
    `exec setpriv --reuid=${user.uid} --regid=${user.gid} --clear-groups "$0" "$@"`,
];
const canMount = () =>
  works('PostgreSQL on a full disk', wrap[0] ?? '', [...wrap.slice(1), 'true']);

describe.runIf(bin !== undefined && canMount())('a PostgreSQL whose disk is full', () => {
  let server: Server;

  beforeAll(async () => {
    server = await createServerOf(bin ?? '', wrap);
    await server.query(`CREATE TABLESPACE small LOCATION '${DISK}'`);
    await server.query('ALTER SYSTEM SET default_tablespace = small');
    await server.query('SELECT pg_reload_conf()');
  }, 60_000);
  afterAll(() => server.remove());

  test('answers 503, says so, and goes on when there is room again', async () => {
    const scene = await startScene(server.port);
    await scene.underLoad();
    const filler = createFiller(seenBy(server.pid(), `${DISK}/filler`));
    filler.fill();
    await scene.untilAnswered(503);
    await pause(500);
    expect(scene.log()).toMatch(/its disk is full\. Free some space/);
    filler.free();
    await scene.untilAnswered(200);
    const { lost, refused, other, acknowledged } = await scene.keepsItsWord();
    expect(lost).toEqual([]);
    expect(acknowledged).toBeGreaterThanOrEqual(ENOUGH);
    expect(refused).toBeGreaterThan(0);
    expect(other).toEqual([]);
    await scene.close();
  }, 30_000);
});
