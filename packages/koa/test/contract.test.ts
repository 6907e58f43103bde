import { adapterContract, runCase } from '@novita-webhooks/testing';
import { describe, test } from 'vitest';

import { koaSubject, mounts, parserFamilies, versions } from './koa-server.ts';

const [[, usual] = []] = Object.entries(parserFamilies);

for (const [version, Koa] of Object.entries(versions)) {
  for (const [how, mount] of Object.entries(mounts)) {
    describe(`the adapter contract, by ${version}, mounted with ${how}`, () => {
      if (usual === undefined) throw new Error('there is a first one');
      const subject = koaSubject(Koa, mount, usual);
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

for (const [family, parser] of Object.entries(parserFamilies)) {
  describe(`the adapter contract, by Koa 3, mounted after ${family}`, () => {
    const subject = koaSubject(versions['Koa 3'], mounts['a router'], parser);
    for (const contractCase of adapterContract.filter(({ name }) => name.includes('(json)'))) {
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
