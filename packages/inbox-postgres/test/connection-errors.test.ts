import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

import { postgresStore } from '@novita-webhooks/inbox-postgres';
import { Pool, type PoolConfig } from 'pg';
import { afterEach, describe, expect, test } from 'vitest';

import { createCertificate, hasOpenssl } from '../../../test/support/certificate.ts';
import { url } from './support/test-database.ts';

/** The code that a client sends to ask for SSL. */
const SSL_REQUEST = 80877103;
const isSslRequest = (data: Buffer): boolean =>
  data.length === 8 && data.readInt32BE(4) === SSL_REQUEST;

const AUTHENTICATION_SCRAM = Buffer.from('52000000170000000a534352414d2d5348412d3235360000', 'hex');
const AUTHENTICATION_CONTINUE = Buffer.from('52000000090000000b72', 'hex');

describe('postgresStore says why it cannot connect', () => {
  const cleanUps: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  /** Starts a server that does this with the first data of each connection. */
  async function serve(onData: (socket: Socket, data: Buffer) => void): Promise<PoolConfig> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (data) => onData(socket, data));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanUps.push(() => server.close());
    return { host: '127.0.0.1', port: (server.address() as AddressInfo).port, user: 'app' };
  }

  async function errorOf(config: PoolConfig): Promise<string> {
    const pool = new Pool(config);
    pool.on('error', () => undefined);
    cleanUps.push(() => pool.end());
    const store = postgresStore({ pool });
    const { message } = await store.stats().then(
      () => new Error('no error'),
      (error: unknown) => error as Error,
    );
    return message;
  }

  test('the server ends the connection', async () => {
    const config = await serve((socket) => socket.end());
    expect(await errorOf(config)).toMatch(
      /^inbox-postgres: the connection broke\. If this repeats/,
    );
  });

  test('the server has no SSL', async () => {
    const config = await serve((socket) => socket.write('N'));
    expect(await errorOf({ ...config, ssl: true })).toMatch(/does not support SSL.*\. Enable SSL/);
  });

  test('the port belongs to an HTTP server', async () => {
    const config = await serve((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(await errorOf({ ...config, ssl: true })).toMatch(
      /the SSL handshake with the server failed/,
    );
    expect(await errorOf(config)).toMatch(/the connection broke/);
  });

  test.skipIf(!hasOpenssl())('the certificate is self-signed', async () => {
    const certificate = createCertificate();
    const config = await serve((socket, data) => {
      socket.write(isSslRequest(data) ? 'S' : 'N');
      new TLSSocket(socket, { isServer: true, ...certificate }).on('error', () => undefined);
    });
    expect(await errorOf({ ...config, ssl: true })).toMatch(
      /signed by an authority that is not known here\. Pass its CA certificate/,
    );
  });

  test('the host name does not exist', async () => {
    expect(await errorOf({ host: 'novita-webhooks.invalid' })).toMatch(
      /the host name of the server cannot be resolved\. Check the name/,
    );
  });

  test('the socket path does not exist', async () => {
    expect(await errorOf({ host: '/novita-webhooks-none' })).toMatch(
      /the socket of the server, or a certificate file, does not exist\. Check/,
    );
  });

  test('the pool has no password', async () => {
    const config = await serve((socket) => {
      socket.once('data', () => socket.write(AUTHENTICATION_CONTINUE));
      socket.write(AUTHENTICATION_SCRAM);
    });
    expect(await errorOf({ ...config, password: undefined })).toMatch(
      /requires a password, and the pool has none\. Set the password/,
    );
  });

  test('the application has ended the pool', async () => {
    const pool = new Pool({ host: '127.0.0.1' });
    await pool.end();
    await expect(postgresStore({ pool }).stats()).rejects.toThrow(
      'has ended the pool. Call pool.end()',
    );
  });

  test('the server does not answer within connectionTimeoutMillis', async () => {
    const config = await serve(() => undefined);
    expect(await errorOf({ ...config, connectionTimeoutMillis: 100 })).toMatch(
      /no connection was ready within connectionTimeoutMillis of the pool\. Check/,
    );
  });

  test.skipIf(url === undefined)('the database or the role does not exist', async () => {
    const { hostname, port, username } = new URL(url ?? 'postgres://localhost');
    const server = { host: hostname, port: Number(port || 5432), user: username || 'postgres' };
    const name = `none_${randomBytes(4).toString('hex')}`;
    expect(await errorOf({ ...server, database: name })).toMatch(
      /the database does not exist\. Create/,
    );
    expect(await errorOf({ ...server, user: name, database: 'postgres' })).toMatch(
      /the server rejected the role/,
    );
  });
});
