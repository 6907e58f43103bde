import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createFiller, seenBy } from '../../../inbox-sqlite/test/faults/support/full-disk.ts';
import { works } from '../../../inbox-sqlite/test/faults/support/needs.ts';
import { MIN_ACKNOWLEDGED, startReceiver } from './support/receiver-fixture.ts';
import { createServerOf, findPrograms, user, type Server } from './support/server.ts';

const bin = findPrograms();
const DISK = '/mnt';
/** Runs the server in a mount namespace, which ends with it, as a user that PostgreSQL accepts. */
const wrap = [
  ...['unshare', '-m', 'sh', '-c'],
  `mount -t tmpfs -o size=6m,uid=${user.uid},gid=${user.gid},mode=700 none ${DISK} && ` +
    `exec setpriv --reuid=${user.uid} --regid=${user.gid} --clear-groups "$0" "$@"`,
];
const canMount = () =>
  works('PostgreSQL on a full disk', wrap[0] ?? '', [...wrap.slice(1), 'true']);

describe.runIf(bin !== undefined && canMount())(
  'inbox-postgres on a server with a full disk',
  () => {
    let server: Server;

    beforeAll(async () => {
      server = await createServerOf(bin ?? '', wrap);
      await server.query(`CREATE TABLESPACE small LOCATION '${DISK}'`);
      await server.query('ALTER SYSTEM SET default_tablespace = small');
      await server.query('SELECT pg_reload_conf()');
    }, 60_000);
    afterAll(() => server.remove());

    test('answers 503, logs the cause and continues when space is free', async () => {
      const fixture = await startReceiver(server.port);
      await fixture.waitForLoad();
      const filler = createFiller(seenBy(server.pid(), `${DISK}/filler`));
      filler.fill();
      await fixture.waitForStatus(503);
      await pause(500);
      expect(fixture.log()).toMatch(/the disk of the server is full\. Free some space/);
      filler.free();
      await fixture.waitForStatus(200);
      const { lost, refused, other, acknowledged } = await fixture.finish();
      expect(lost).toEqual([]);
      expect(acknowledged).toBeGreaterThanOrEqual(MIN_ACKNOWLEDGED);
      expect(refused).toBeGreaterThan(0);
      expect(other).toEqual([]);
      await fixture.close();
    }, 30_000);
  },
);
