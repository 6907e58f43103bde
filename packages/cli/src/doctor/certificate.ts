import { connect, type TLSSocket } from 'node:tls';

import { messageOf } from '@novita-webhooks/simulator/cli';

import { hostOf } from './address.ts';
import { error, ok, warning, type Check } from './check.ts';

const HANDSHAKE_TIMEOUT_MS = 5000;
const DAY_MS = 86_400_000;
const MIN_DAYS_LEFT = 14;

const CHAIN = 'Let the server send the whole chain: fullchain.pem, not cert.pem.';

/** What to do about a certificate that is not trusted, by OpenSSL's codes and those of Node. */
const ADVICE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'Renew it, and let the server load the new one.',
  CERT_NOT_YET_VALID: 'Compare the clock of this machine with the start of the certificate.',
  DEPTH_ZERO_SELF_SIGNED_CERT:
    'It is self-signed. Use one of a public authority, such as Let’s Encrypt.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'It is for another host name. Get one for the name of the URL.',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: CHAIN,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: CHAIN,
};

const handshake = (url: URL): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    const host = hostOf(url);
    const port = url.port === '' ? 443 : Number(url.port);
    const isName = /[a-z]/i.test(host) && !host.includes(':');
    const socket = connect({
      ...{ host, port, rejectUnauthorized: false, timeout: HANDSHAKE_TIMEOUT_MS },
      ...(isName && { servername: host }),
    });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
    socket.once('timeout', () => {
      socket.destroy();
      reject(new Error(`no TLS handshake in ${HANDSHAKE_TIMEOUT_MS} ms`));
    });
  });

const toDate = (time: number): string => new Date(time).toISOString().slice(0, 10);

/** Checks how long a trusted certificate is valid. */
export const checkExpiry = (validTo: number, now: number): Check => {
  const days = Math.floor((validTo - now) / DAY_MS);
  const text = `The certificate is valid until ${toDate(validTo)}, for ${days} more days`;
  if (days >= MIN_DAYS_LEFT) return ok('certificate', `${text}.`);
  const advice = 'Renew it now, and look why no tool has renewed it.';
  return warning('certificate', `${text}: no delivery arrives afterwards.`, advice);
};

/** Checks the certificate as clients do: host name, dates, chain to an authority that Node trusts. */
export const checkCertificate = async (url: URL): Promise<Check> => {
  try {
    const socket = await handshake(url);
    const { authorized, authorizationError: fault } = socket;
    const { valid_to: validTo } = socket.getPeerCertificate();
    socket.destroy();
    if (authorized) return checkExpiry(Date.parse(validTo), Date.now());
    const code = String((fault as NodeJS.ErrnoException | undefined)?.code ?? fault);
    const message = `The certificate is not trusted (${code}), so Novita may deliver nothing.`;
    return error('certificate', message, ADVICE[code] ?? 'Test it with another client.');
  } catch (thrown) {
    const message = `The server does not speak TLS: ${messageOf(thrown)}.`;
    return error('certificate', message, 'Is the port right, and is it one of https?');
  }
};
