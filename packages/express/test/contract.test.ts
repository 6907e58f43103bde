import { adapterContract, runCase } from '@novita-webhooks/testing';
import { novitaWebhooks } from '@novita-webhooks/express';
import { describe, test } from 'vitest';

import { expressSubject, mounts, versions } from './express-server.ts';

for (const [version, express] of Object.entries(versions)) {
  for (const [how, mount] of Object.entries(mounts)) {
    describe(`the adapter contract, by ${version}, mounted with ${how}`, () => {
      const subject = expressSubject(express, novitaWebhooks, mount);
      for (const contractCase of adapterContract) {
        test(contractCase.name, ({ skip }) =>
          runCase(
            contractCase,
            () => subject,
            async () => undefined,
            skip,
          ),
        );
      }
    });
  }
}
