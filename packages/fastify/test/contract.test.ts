import { describeAdapterContract } from '../../../test/support/describe-contract.ts';
import { fastifySubject, mounts, versions } from './fastify-server.ts';

for (const [version, modules] of Object.entries(versions)) {
  for (const [how, mount] of Object.entries(mounts)) {
    describeAdapterContract(`${version}, mounted as ${how}`, fastifySubject(modules, mount));
  }
  describeAdapterContract(
    `${version}, mounted as a plugin over HTTP/2`,
    fastifySubject(modules, mounts['a plugin'], { http2: true }),
  );
}
