// Checks of an address before the first delivery: scheme, host, connections, certificate.
import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';

import { messageOf } from '@novita-webhooks/simulator/cli';

import { error, ok, warning, type Check } from './check.ts';

const CONNECT_TIMEOUT_MS = 5000;

/** Addresses that other machines cannot reach, by https://www.rfc-editor.org/rfc/rfc6890. */
const PRIVATE =
  /^(0\.|10\.|127\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|192\.168\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|::1?$|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)/i;

/** The host of a URL without the brackets of IPv6. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '');

/** Whether a host is this machine. */
export const isLoopback = (host: string): boolean =>
  /^(localhost|.*\.localhost|127\.\d+\.\d+\.\d+|::1)$/i.test(host);

const isPrivate = (host: string): boolean => isLoopback(host) || PRIVATE.test(host);

/** Checks what the text of the address tells. */
export const checkAddress = (url: URL): Check => {
  const host = hostOf(url);
  if (isPrivate(host)) {
    return warning(
      'address',
      `${host} is an address of this machine or network, so Novita cannot reach it.`,
      'For real tasks, pass a public address, such as that of a tunnel.',
    );
  }
  if (url.protocol === 'https:') return ok('address', 'The address is public, and it is https.');
  return error(
    'address',
    'The address is http: other machines on the way can read the token and send events with it.',
    'Serve the endpoint with https, and use the https address as `url` of the receiver.',
  );
};

const tryConnect = (address: string, port: number): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: CONNECT_TIMEOUT_MS });
    const end = (failure?: string): void => {
      socket.destroy();
      resolve(failure);
    };
    socket.once('connect', () => end());
    socket.once('timeout', () => end(`${address} does not answer`));
    socket.once('error', (thrown) => end(messageOf(thrown)));
  });

const resolveHost = async (host: string): Promise<readonly string[]> => {
  if (isIP(host) !== 0) return [host];
  return (await lookup(host, { all: true })).map(({ address }) => address);
};

const portOf = ({ port, protocol }: URL): number =>
  port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);

const describeConnections = (
  host: string,
  addresses: readonly string[],
  failures: readonly string[],
): Check => {
  if (failures.length === addresses.length) {
    const message = `No address of ${host} accepts a connection: ${failures.join('; ')}.`;
    return error('connection', message, 'Is the server running, and is the port right and open?');
  }
  if (!isPrivate(host) && addresses.some(isPrivate)) {
    const message = `${host} leads to ${addresses.filter(isPrivate).join(', ')}, which Novita cannot reach.`;
    return error('connection', message, 'Correct the DNS entry, or test from outside the network.');
  }
  if (failures.length > 0 && !isLoopback(host)) {
    const message = `Some addresses of ${host} accept no connection: ${failures.join('; ')}.`;
    return warning(
      'connection',
      message,
      'Correct the DNS entry: some deliveries are late or lost.',
    );
  }
  return ok('connection', `${host} accepts connections (${addresses.join(', ')}).`);
};

/** Finds the addresses of the host and connects to each. */
export const checkConnection = async (url: URL): Promise<Check> => {
  const host = hostOf(url);
  try {
    const addresses = await resolveHost(host);
    const port = portOf(url);
    const results = await Promise.all(addresses.map((address) => tryConnect(address, port)));
    const failures = results.filter((failure) => failure !== undefined);
    return describeConnections(host, addresses, failures);
  } catch (thrown) {
    const message = `The name ${host} does not resolve: ${messageOf(thrown)}.`;
    return error('connection', message, 'Check its spelling and the DNS entry.');
  }
};
