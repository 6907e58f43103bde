import { getReceiver } from '../../receiver.ts';

const sdxl = {
  model_name: 'sd_xl_base_1.0.safetensors',
  negative_prompt: 'blurry',
  sampler_name: 'Euler a',
  width: 1024,
  height: 1024,
  image_num: 1,
  steps: 20,
  seed: -1,
  guidance_scale: 7.5,
};

/** Submits a task to Novita, with a callback URL for the task. */
export async function POST(request: Request): Promise<Response> {
  const { NOVITA_BASE_URL = 'https://api.novita.ai', NOVITA_API_KEY = '' } = process.env;
  const { orderId, prompt } = (await request.json()) as { orderId: number; prompt: string };
  const submitted = await fetch(`${NOVITA_BASE_URL}/v3/async/txt2img`, {
    method: 'POST',
    headers: { authorization: `Bearer ${NOVITA_API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      extra: { webhook: await getReceiver().createCallback({ metadata: { orderId } }) },
      request: { ...sdxl, prompt },
    }),
  });
  if (!submitted.ok) return Response.json({ novita: submitted.status }, { status: 502 });
  return Response.json(await submitted.json(), { status: 202 });
}
