import type { FetchHandler } from '@novita-webhooks/core';

import { fetchApp } from '../fetch-app.ts';

type Context = Parameters<FetchHandler>[1];

export default {
  fetch: (request: Request, _env: unknown, context: Context) => fetchApp(request, context),
};
