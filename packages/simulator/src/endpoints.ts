// What the vendor's catalogue says of its endpoints, as patterns. None applies unless an option names it.
import * as z from 'zod';

/** What the notices call as the endpoints are called. */
const RETIRED_BY_NAME = ['upscale', 'inpainting'];

/** Inferred: the notices name tools and models, and these patterns are the likely names of their endpoints. */
const RETIRED_BY_MODEL = [
  ...['*-background', 'background-*'],
  ...['flux-1*', 'flux.1*', 'flux-2*', 'flux.2*', 'z-image*', 'qwen-image*', 'hunyuan-image-3*'],
  ...['wan-t2v', 'wan-i2v', 'wan-2.*', 'wan2.*', 'seedance-1.5*', 'seedance-v1.5*'],
  ...['vidu*', 'pixverse*', 'kling-2.5*', 'kling-v2.5*', 'kling-2.6*', 'kling-v2.6*', 'kling-o1*'],
];

/**
 * Endpoints that Novita's notices of June to September 2026 retire. The notices name `upscale` and
 * `inpainting`. The other names are inferred from those of tools and models. For `retiredEndpoints`.
 */
export const RETIRED_ENDPOINTS_2026: readonly string[] = [...RETIRED_BY_NAME, ...RETIRED_BY_MODEL];

/**
 * Endpoints of today's catalogue whose documentation shows no webhook field. Whether Novita sends events
 * for them is stated nowhere. For `endpointsWithoutWebhooks`.
 */
export const ENDPOINTS_WITHOUT_DOCUMENTED_WEBHOOKS: readonly string[] = [
  'kling-v3.0-*',
  'minimax-speech-2.8-*',
];

/** Schema of the name of an endpoint, in which `*` stands for any characters. */
export const endpointSchema: z.ZodString = z
  .string()
  .regex(/^[\w.*/-]+$/, 'must be the name of an endpoint, such as txt2img or wan-*');

const toExpression = (pattern: string): RegExp =>
  new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`);

/** Whether one of the patterns is the name of the endpoint. */
export const matchesEndpoint = (patterns: readonly string[], endpoint: string): boolean =>
  patterns.some((pattern) => toExpression(pattern).test(endpoint));
