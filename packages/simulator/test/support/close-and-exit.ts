// A test runs this file as a process, which must end without process.exit().
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { createSimulator } from '../../src/index.ts';

const receiver = createServer((_request, response) => {
  response.statusCode = 500;
  response.end();
});
await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;

const simulator = await createSimulator({ retry: { delayMs: () => 3_600_000 } });
await simulator.submit('txt2img', { extra: { webhook: { url } } });
await simulator.submit('txt2img', {}, { taskMs: 3_600_000 });
while (simulator.deliveries().length === 0) await new Promise((resolve) => setImmediate(resolve));
await simulator.close();
receiver.close();
