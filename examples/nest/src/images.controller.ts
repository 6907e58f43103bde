import { BadGatewayException, Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import type { Receiver } from '@novita-webhooks/core';

import { RECEIVER } from './receiver.ts';

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

interface Order {
  readonly orderId: number;
  readonly prompt: string;
}

/** Submits tasks to Novita, with a callback URL for each task. */
@Controller('images')
export class ImagesController {
  readonly #receiver: Receiver;

  constructor(@Inject(RECEIVER) receiver: Receiver) {
    this.#receiver = receiver;
  }

  @Post()
  @HttpCode(202)
  async submit(@Body() { orderId, prompt }: Order): Promise<unknown> {
    const { NOVITA_BASE_URL = 'https://api.novita.ai', NOVITA_API_KEY = '' } = process.env;
    const submitted = await fetch(`${NOVITA_BASE_URL}/v3/async/txt2img`, {
      method: 'POST',
      headers: { authorization: `Bearer ${NOVITA_API_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        extra: { webhook: await this.#receiver.createCallback({ metadata: { orderId } }) },
        request: { ...sdxl, prompt },
      }),
    });
    if (!submitted.ok)
      throw new BadGatewayException(`Novita: ${submitted.status} ${await submitted.text()}`);
    return submitted.json();
  }
}
