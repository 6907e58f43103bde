import { novitaWebhooks } from '@novita-webhooks/express';

import { describeAdapterContract } from '../../../test/support/describe-contract.ts';
import { expressSubject, mounts, versions } from './express-server.ts';

for (const [version, express] of Object.entries(versions)) {
  for (const [how, mount] of Object.entries(mounts)) {
    const subject = expressSubject(express, novitaWebhooks, mount);
    describeAdapterContract(`${version}, mounted with ${how}`, subject);
  }
}
