import { fromBase64Url, toBase64Url } from '../shared/base64url.ts';
import { WebhookError } from '../shared/errors.ts';

/** Makes and checks HMAC-SHA-256 signatures with the secrets of a receiver. */
export interface Signer {
  /** Id of the key that signs; reveals nothing of its secret. */
  keyId(): Promise<string>;
  /** @returns the MAC of `text` in base64url */
  sign(text: string): Promise<string>;
  /** Whether `mac` is that of `text` under any of the secrets. Compares in constant time. */
  verify(text: string, mac: string): Promise<boolean>;
  /** Whether one of the secrets has this key id. */
  hasKey(keyId: string): Promise<boolean>;
}

export const NO_SECRET: string =
  'this receiver was created without a secret, as a worker: it has no callback URLs and takes no ' +
  'deliveries. Pass secret to createReceiver where it should';

type ImportedKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

interface SigningKey {
  readonly id: string;
  readonly key: ImportedKey;
}

const utf8 = new TextEncoder();

/**
 * The first secret signs. Every secret is accepted, so that secrets can be rotated. Without a
 * secret no MAC is accepted.
 */
export function createSigner(secrets: readonly string[]): Signer {
  // Imported on first use: createReceiver stays synchronous. The keys are kept and not their promise,
  // which never settles on runtimes that end the promises of a request together with it.
  let imported: readonly SigningKey[] | undefined;
  const keys = async () => (imported ??= await Promise.all(secrets.map(importKey)));

  async function currentKey(): Promise<SigningKey> {
    const [current] = await keys();
    if (current === undefined) throw new WebhookError('invalid_option', NO_SECRET);
    return current;
  }

  return {
    keyId: async () => (await currentKey()).id,
    async sign(text) {
      const { key } = await currentKey();
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
  const digest = await crypto.subtle.sign('HMAC', key, utf8.encode('key id'));
  return { id: toBase64Url(new Uint8Array(digest, 0, 6)), key };
}
