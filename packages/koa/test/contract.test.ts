import { adapterContract } from '@novita-webhooks/testing';

import { describeAdapterContract } from '../../../test/support/describe-contract.ts';
import { bodyParsers, koaSubject, mounts, versions } from './koa-server.ts';

for (const [version, Koa] of Object.entries(versions)) {
  for (const [how, mount] of Object.entries(mounts)) {
    const subject = koaSubject(Koa, mount, bodyParsers['@koa/bodyparser 6']);
    describeAdapterContract(`${version}, mounted with ${how}`, subject);
  }
}

const jsonCases = adapterContract.filter(({ name }) => name.includes('(json)'));

for (const [name, parser] of Object.entries(bodyParsers)) {
  const subject = koaSubject(versions['Koa 3'], mounts['a router'], parser);
  describeAdapterContract(`Koa 3, mounted after ${name}`, subject, jsonCases);
}
