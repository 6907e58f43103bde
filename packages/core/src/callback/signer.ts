import { fromBase64Url, toBase64Url } from '../shared/base64url.ts';
import { WebhookError } from '../shared/errors.ts';

/**
 * Makes and checks HMAC-SHA-256 signatures with the secrets of a receiver. Answers at once where the
 * runtime has a synchronous HMAC.
 */
export interface Signer {
  /** Id of the key that signs; reveals nothing of its secret. */
  keyId(): string | Promise<string>;
  /** @returns the MAC of `text` in base64url */
  sign(text: string): string | Promise<string>;
  /** Whether `mac` is that of `text` under any of the secrets. Compares in constant time. */
  verify(text: string, mac: string): boolean | Promise<boolean>;
  /** Whether one of the secrets has this key id. */
  hasKey(keyId: string): boolean | Promise<boolean>;
}

export const NO_SECRET: string =
  'this receiver was created without a secret, as a worker: it has no callback URLs and takes no ' +
  'deliveries. Pass secret to createReceiver where it should';

/** The part of `node:crypto` that is used. */
export interface NodeCrypto {
  createHmac(
    algorithm: 'sha256',
    secret: string,
  ): { update(text: string, encoding: 'utf8'): { digest(): Uint8Array } };
  timingSafeEqual(one: Uint8Array, other: Uint8Array): boolean;
}

/** Without an import, which runtimes without Node's modules would reject. */
function findNodeCrypto(): NodeCrypto | undefined {
  const { process } = globalThis as {
    readonly process?: { getBuiltinModule?(name: string): NodeCrypto | undefined };
  };
  return process?.getBuiltinModule?.('node:crypto');
}

/**
 * The first secret signs. Every secret is accepted, so that secrets can be rotated. Without a
 * secret no MAC is accepted.
 *
 * @param node `null`: Web Crypto, which every runtime has
 */
export function createSigner(
  secrets: readonly string[],
  node: NodeCrypto | null = findNodeCrypto() ?? null,
): Signer {
  return node !== null ? createNodeSigner(secrets, node) : createWebSigner(secrets);
}

/** Characters of a digest's first 6 bytes in base64url. */
const KEY_ID_LENGTH = 8;
const KEY_ID_TEXT = 'key id';

function createNodeSigner(secrets: readonly string[], node: NodeCrypto): Signer {
  const macOf = (secret: string, text: string) =>
    node.createHmac('sha256', secret).update(text, 'utf8').digest();
  const signWith = (secret: string, text: string) => toBase64Url(macOf(secret, text));
  const keyIdOf = (secret: string) => signWith(secret, KEY_ID_TEXT).slice(0, KEY_ID_LENGTH);
  const current = () => requireKey(secrets);
  return {
    keyId: () => keyIdOf(current()),
    sign: (text) => signWith(current(), text),
    verify(text, mac) {
      const signature = fromBase64Url(mac);
      if (signature === undefined) return false;
      // Every secret is tried, also after a match.
      const checks = secrets.map((secret) => {
        const expected = macOf(secret, text);
        return (
          expected.byteLength === signature.byteLength && node.timingSafeEqual(expected, signature)
        );
      });
      return checks.includes(true);
    },
    hasKey: (keyId) => secrets.some((secret) => keyIdOf(secret) === keyId),
  };
}

/** @throws WebhookError `invalid_option` */
function requireKey<Key>([current]: readonly Key[]): Key {
  if (current === undefined) throw new WebhookError('invalid_option', NO_SECRET);
  return current;
}

type ImportedKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

interface SigningKey {
  readonly id: string;
  readonly key: ImportedKey;
}

const utf8 = new TextEncoder();

function createWebSigner(secrets: readonly string[]): Signer {
  // Imported on first use: createReceiver stays synchronous. The keys are kept and not their promise,
  // which never settles on runtimes that end the promises of a request together with it.
  let imported: readonly SigningKey[] | undefined;
  const keys = async () => (imported ??= await Promise.all(secrets.map(importKey)));

  return {
    keyId: async () => requireKey(await keys()).id,
    async sign(text) {
      const { key } = requireKey(await keys());
      return toBase64Url(new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8.encode(text))));
    },
    async verify(text, mac) {
      const signature = fromBase64Url(mac);
      if (signature === undefined) return false;
      const signed = utf8.encode(text);
      // Every key is tried, also after a match; `subtle.verify` compares in constant time.
      const checks = (await keys()).map(({ key }) =>
        crypto.subtle.verify('HMAC', key, signature, signed),
      );
      return (await Promise.all(checks)).includes(true);
    },
    hasKey: async (keyId) => (await keys()).some(({ id }) => id === keyId),
  };
}

async function importKey(secret: string): Promise<SigningKey> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const bytes = utf8.encode(secret);
  const key = await crypto.subtle.importKey('raw', bytes, algorithm, false, ['sign', 'verify']);
  const digest = await crypto.subtle.sign('HMAC', key, utf8.encode(KEY_ID_TEXT));
  return { id: toBase64Url(new Uint8Array(digest)).slice(0, KEY_ID_LENGTH), key };
}
