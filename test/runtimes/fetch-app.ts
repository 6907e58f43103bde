import { toFetchHandler, type FetchHandler } from '@novita-webhooks/core';

import { control, readAddress } from './control.ts';
import { scenes } from './fixtures.ts';

const handlers = new Map(
  Object.entries(scenes).map(([name, { receiver }]) => [name, toFetchHandler(receiver)]),
);

/** The app that every fetch runtime serves. */
export const fetchApp: FetchHandler = async (request, context) => {
  const address = readAddress(request.url);
  if (address === undefined) return new Response('no such scene', { status: 404 });
  const handler = address.what === 'webhooks' ? handlers.get(address.name) : undefined;
  return handler ? handler(request, context) : new Response(await control(address));
};
