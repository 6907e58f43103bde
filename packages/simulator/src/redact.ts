// Removes tokens from what the simulator prints and returns. What it sends keeps them.
import { redactUrl } from '@novita-webhooks/core';

import { isObject } from './json.ts';

/** Parameters of the URL that are too short to be secret, and may be part of any text. */
const MIN_SECRET_CHARACTERS = 8;

/** The values that `redactUrl` removes from a URL, as they may appear in other texts. */
const listSecrets = (url: string): string[] => {
  if (!URL.canParse(url)) return [];
  const { search, searchParams, username, password, hash } = new URL(url);
  const raw = [...search.matchAll(/=([^&;]*)/g)].map((match) => match[1] ?? '');
  const values = [...raw, ...searchParams.values(), username, password, hash.slice(1)];
  return values.filter(({ length }) => length >= MIN_SECRET_CHARACTERS);
};

/** Removes the URL and the secrets that it carries from a text, such as an answer that repeats them. */
export const redactText = (text: string, url: string | undefined): string => {
  if (url === undefined) return text;
  return listSecrets(url).reduce(
    (rest, secret) => rest.replaceAll(secret, '[redacted]'),
    text.replaceAll(url, redactUrl(url)),
  );
};

/** Copies a JSON value without the secrets of a URL, at any depth. */
export const redactValue = (value: unknown, url: string | undefined): unknown => {
  if (typeof value === 'string') return redactText(value, url);
  if (Array.isArray(value)) return value.map((item) => redactValue(item, url));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, redactValue(it, url)]));
};

/** Addresses, and what else may hold a token. */
const ADDRESSES = /\w+:\/\/[^\s"'`<>\\]+|\S*nwt1\S*/gi;

/** Removes tokens, passwords and values of queries from all addresses in a text. */
export const redactAddresses = (text: string): string =>
  text.replace(ADDRESSES, (address) => redactUrl(address));
