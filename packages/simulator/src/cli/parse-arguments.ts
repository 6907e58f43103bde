// Parsers of command line values. They throw an InvalidArgumentError, which commander prints.
import { validate } from '@novita-webhooks/core';
import { InvalidArgumentError } from 'commander';

import { endpointSchema } from '../endpoints.ts';
import { faultNames, faultsSchema, type Faults } from '../faults.ts';
import { isObject, type JsonObject } from '../json.ts';
import type { FinalStatus, TaskStatus } from '../novita-types.ts';
import type { EventChange } from './edit-event.ts';

/** Makes a parser of whole numbers from `min` to `max`. */
export const parseInteger =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Pass a whole number from ${min} to ${max}.`);
  };

const checkFault = (name: string, probability: number): void => {
  if ('value' in validate(faultsSchema, { [name]: probability })) return;
  const known = (faultNames as readonly string[]).includes(name);
  const text = known
    ? `The probability of ${name} must be from 0 to 1.`
    : `No fault is called '${name}'. Pass some of ${faultNames.join(', ')}.`;
  throw new InvalidArgumentError(text);
};

/** Reads `drop=0.2,duplicate=0.1`. A name alone is a probability of 1. */
export const parseFaults = (text: string): Faults =>
  Object.fromEntries(
    text.split(',').map((part) => {
      const [name = '', probability = '1'] = part.trim().split('=');
      const value = probability === '' ? NaN : Number(probability);
      checkFault(name, value);
      return [name, value];
    }),
  );

/** Reads names of endpoints, separated by commas. */
export const parseEndpoints = (text: string): string[] =>
  text.split(',').map((part) => {
    const checked = validate(endpointSchema, part.trim());
    if ('value' in checked) return checked.value;
    throw new InvalidArgumentError('Pass names of endpoints, such as txt2img,wan-*.');
  });

const FINAL: readonly FinalStatus[] = ['TASK_STATUS_SUCCEED', 'TASK_STATUS_FAILED'];
const ALL: readonly TaskStatus[] = [...FINAL, 'TASK_STATUS_PROCESSING', 'TASK_STATUS_QUEUED'];

/** Makes a parser of statuses: `succeed`, or as Novita writes it. */
const toStatusParser =
  <Status extends TaskStatus>(statuses: readonly Status[]) =>
  (text: string): Status => {
    const wanted = text.toUpperCase().replace(/^(?!TASK_STATUS_)/, 'TASK_STATUS_');
    const status = statuses.find((known) => known === wanted);
    if (status !== undefined) return status;
    const names = statuses.map((known) => known.replace('TASK_STATUS_', '').toLowerCase());
    throw new InvalidArgumentError(`Pass one of ${names.join(', ')}.`);
  };

/** Reads `succeed` or `failed`. */
export const parseStatus: (text: string) => FinalStatus = toStatusParser(FINAL);

/** Reads `succeed`, `failed`, `processing` or `queued`. */
export const parseTaskStatus: (text: string) => TaskStatus = toStatusParser(ALL);

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Reads a JSON object. */
export const parseJsonObject = (text: string): JsonObject => {
  const value = parseJson(text);
  if (isObject(value)) return value;
  throw new InvalidArgumentError(`Pass a JSON object in quotes, such as '{"orderId":42}'.`);
};

const requireNoUser = (text: string): string => {
  const { username, password } = new URL(text);
  if (username + password === '') return text;
  throw new InvalidArgumentError('Pass the URL without a user and a password: `url` has neither.');
};

/** Checks an http or https URL. */
export const parseHttpUrl = (text: string): string => {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return requireNoUser(text);
  const fault = text.includes('://') ? '' : ' The scheme is missing: add http:// in front.';
  throw new InvalidArgumentError(
    `Pass an http or https URL, such as http://localhost:3000/webhooks/novita.${fault}`,
  );
};

const parsePath = (text: string): string[] => {
  const path = text.split('.');
  if (!path.includes('')) return path;
  throw new InvalidArgumentError('Pass a path such as payload.task.status.');
};

const toValue = (text: string): unknown => {
  const value = parseJson(text);
  return value === undefined ? text : value;
};

/** Reads `payload.task.status=TASK_STATUS_FAILED`. A value that is JSON is read as JSON. */
export const parseSet = (text: string, previous: readonly EventChange[] = []): EventChange[] => {
  const [, path, value = ''] = /^([^=]+)=([^]*)$/.exec(text) ?? [];
  if (path === undefined) {
    throw new InvalidArgumentError(
      'Pass path=value, such as payload.task.status=TASK_STATUS_FAILED.',
    );
  }
  return [...previous, { path: parsePath(path), value: toValue(value) }];
};

/** Reads a path whose value is removed. */
export const parseRemove = (text: string, previous: readonly EventChange[] = []): EventChange[] => [
  ...previous,
  { path: parsePath(text), value: undefined },
];
