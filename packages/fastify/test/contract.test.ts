import { adapterContract, runCase, type AdapterSubject } from '@novita-webhooks/testing';
import { describe, test } from 'vitest';

import { fastifySubject, mounts, versions } from './fastify-server.ts';

function describeContract(name: string, subject: AdapterSubject): void {
  describe(`the adapter contract, by ${name}`, () => {
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

for (const [version, modules] of Object.entries(versions)) {
  for (const [how, mount] of Object.entries(mounts)) {
    describeContract(`${version}, mounted as ${how}`, fastifySubject(modules, mount));
  }
  describeContract(
    `${version}, mounted as a plugin over HTTP/2`,
    fastifySubject(modules, mounts['a plugin'], { http2: true }),
  );
}
