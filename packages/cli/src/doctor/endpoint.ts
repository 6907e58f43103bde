import { signUrl } from '@novita-webhooks/simulator/cli';

/** The endpoint that is examined. */
export interface Endpoint {
  /** Without a token. */
  readonly url: URL;
  /** With a token; `undefined` if neither the URL nor a secret is known. */
  readonly signedUrl: string | undefined;
}

/** Milliseconds for which the token of an examination is valid. */
const EXPIRES_IN_MS = 10 * 60_000;

/** Takes the token out of a URL, or signs it with the secret. The token is one of test mode. */
export const toEndpoint = async (
  given: string,
  { secret, endpoint }: { readonly secret?: string; readonly endpoint: string },
): Promise<Endpoint> => {
  const url = new URL(given);
  url.hash = '';
  if (url.searchParams.has('token')) {
    const signedUrl = url.href;
    url.searchParams.delete('token');
    return { url, signedUrl };
  }
  if (secret === undefined || secret === '') return { url, signedUrl: undefined };
  const signing = {
    secret,
    endpoint,
    metadata: undefined,
    testMode: 'TASK_STATUS_FAILED',
  } as const;
  return { url, signedUrl: await signUrl(url.href, { ...signing, expiresInMs: EXPIRES_IN_MS }) };
};

/** The signed URL at another path or with another scheme. */
export const withPath = (url: string, pathname: string): string => {
  const copy = new URL(url);
  copy.pathname = pathname;
  return copy.href;
};
