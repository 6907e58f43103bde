import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

import { Client } from 'pg';
import { freePort } from '../../../../../test/support/program.ts';

/** A PostgreSQL server that a test starts, and may stop, kill or fill. */
export interface Server {
  readonly port: number;
  readonly folder: string;
  /** The process id of its postmaster. */
  pid(): number;
  /** The process ids of the children of the postmaster. */
  children(): number[];
  isRunning(): boolean;
  start(): Promise<void>;
  /** `immediate`: SIGQUIT, without a checkpoint. `kill`: SIGKILL to the postmaster. */
  end(how: 'immediate' | 'kill'): Promise<void>;
  query<Row>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Creates a standby of this server by streaming replication. */
  createStandby(): Promise<Server>;
  remove(): Promise<void>;
}

/** The folder with the programs of PostgreSQL; `undefined` if it is not installed. */
export function findPrograms(): string | undefined {
  const configured = process.env['POSTGRES_BIN'];
  const base = '/usr/lib/postgresql';
  const installed = existsSync(base) ? readdirSync(base).sort().reverse() : [];
  return [configured, ...installed.map((version) => join(base, version, 'bin'))].find(
    (folder) => folder !== undefined && existsSync(join(folder, 'initdb')),
  );
}

/** The user that runs the server: PostgreSQL refuses root. */
export const user: { readonly uid: number; readonly gid: number } =
  process.getuid?.() === 0
    ? { uid: idOf('-u'), gid: idOf('-g') }
    : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

function idOf(which: '-u' | '-g'): number {
  return Number(execFileSync('id', [which, 'postgres']).toString());
}

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '16MB',
  max_connections: '30',
  max_wal_senders: '4',
  wal_keep_size: '64MB',
  hot_standby: 'on',
};

/** @param wrap a command, run as root, that receives the command of the server as its arguments */
export async function createServerOf(bin: string, wrap?: readonly string[]): Promise<Server> {
  const folder = newFolder();
  const data = join(folder, 'data');
  const options = ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', '--wal-segsize=1'];
  await promisify(execFile)(join(bin, 'initdb'), options, { ...user, cwd: folder });
  const server = await toServer(bin, folder, wrap);
  await server.start();
  return server;
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'novita-postgres-'));
  chownSync(folder, user.uid, user.gid);
  return folder;
}

async function toServer(
  bin: string,
  folder: string,
  wrap: readonly string[] = [],
): Promise<Server> {
  const port = await freePort();
  const data = join(folder, 'data');
  let child: ChildProcess | undefined;

  async function query<Row>(text: string, values?: unknown[]): Promise<Row[]> {
    const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query(text, values)).rows as Row[];
    } finally {
      await client.end();
    }
  }

  const server: Server = {
    port,
    folder,
    query,
    pid: () => child?.pid ?? 0,
    children() {
      const pid = String(child?.pid);
      const path = `/proc/${pid}/task/${pid}/children`;
      return readFileSync(path, 'utf8').trim().split(' ').map(Number);
    },
    isRunning: () => child?.exitCode === null && child.signalCode === null,
    async start() {
      const settings = Object.entries({ ...SETTINGS, port: String(port) });
      const args = ['-D', data, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
      for (let tries = 0; ; tries += 1) {
        const [program = '', ...rest] = [...wrap, join(bin, 'postgres'), ...args];
        const as = wrap.length > 0 ? {} : user;
        child = spawn(program, rest, { ...as, cwd: folder, stdio: 'ignore' });
        if (await answers(server)) return;
        if (tries === 20) throw new Error('PostgreSQL does not start');
        await pause(200); // the shared memory of the killed server is still in use
      }
    },
    async end(how) {
      if (!child || !server.isRunning()) return;
      const ended = once(child, 'exit');
      child.kill(how === 'kill' ? 'SIGKILL' : 'SIGQUIT');
      await ended;
    },
    async createStandby() {
      const standbyFolder = newFolder();
      const from = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres'];
      const to = [
        '-D',
        join(standbyFolder, 'data'),
        '-R',
        '-X',
        'stream',
        '-c',
        'fast',
        '--no-sync',
      ];
      await promisify(execFile)(join(bin, 'pg_basebackup'), [...from, ...to], {
        ...user,
        cwd: standbyFolder,
      });
      const standby = await toServer(bin, standbyFolder);
      await standby.start();
      return standby;
    },
    async remove() {
      await server.end('immediate');
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return server;
}

async function answers(server: Server): Promise<boolean> {
  for (let tries = 0; tries < 100 && server.isRunning(); tries += 1) {
    try {
      await server.query('SELECT 1');
      return true;
    } catch {
      await pause(50);
    }
  }
  return false;
}
