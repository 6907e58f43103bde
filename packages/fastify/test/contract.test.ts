import { adapterContract, runCase } from '@novita-webhooks/core/testing';
import { describe, test } from 'vitest';

import { fastifySubject, mounts, versions } from './fastify-server.ts';

for (const [version, modules] of Object.entries(versions)) {
  for (const [how, mount] of Object.entries(mounts)) {
    describe(`the adapter contract, by ${version}, mounted as ${how}`, () => {
      const subject = fastifySubject(modules, mount);
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
