import { toFetchHandler, type FetchHandler } from '@novita-webhooks/core';

import { control, readAddress } from './control.ts';
import { fixtures } from './fixtures.ts';

const handlers = new Map(
  Object.entries(fixtures).map(([name, { receiver }]) => [name, toFetchHandler(receiver)]),
);

/** The app of every fetch server. One fixture has no `waitUntil`, as when a user leaves it out. */
export const fetchApp: FetchHandler = async (request, context) => {
  const address = readAddress(request.url);
  if (address === undefined) return new Response('no such fixture', { status: 404 });
  const handler = address.what === 'webhooks' ? handlers.get(address.name) : undefined;
  if (handler === undefined) return new Response(await control(address));
  return address.name === 'twoPlaces' ? handler(request) : handler(request, context);
};
