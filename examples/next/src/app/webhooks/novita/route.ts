import { toFetchHandler } from '@novita-webhooks/core';

import { getReceiver } from '../../../receiver.ts';

export const POST = toFetchHandler(getReceiver);
