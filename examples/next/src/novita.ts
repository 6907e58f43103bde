// Runs a local Novita for this example. It sends every event twice, as the real one may.
import { createSimulator } from '@novita-webhooks/simulator';

const { NOVITA_PORT = '4000' } = process.env;

const { url } = await createSimulator({
  port: Number(NOVITA_PORT),
  plan: () => ({ duplicates: 1 }),
  onDelivery: ({ taskId, answer }) => console.log('delivered', taskId, answer),
});
console.log(`Novita is listening at ${url}`);
