import { invalidBody } from './api-error.ts';
import { isObject, type JsonObject } from './json.ts';

/** What an endpoint requires, as a sample of every required parameter. */
interface Requirements {
  /** `request`: the parameters are in that object. `body`: they are at the top level. */
  readonly place: 'request' | 'body';
  readonly sample: JsonObject;
}

/** Samples of optional parameters at the top level, of which only the type is checked. */
type OptionalParameters = Readonly<Record<string, JsonObject>>;

const prompt = 'a red kite over a lake';
const size = { width: 512, height: 512 };
const diffusion = {
  image_num: 1,
  steps: 20,
  seed: -1,
  guidance_scale: 7.5,
  sampler_name: 'Euler a',
};
const model = { model_name: 'sd_xl_base_1.0.safetensors' };
const image = { image_base64: 'iVBORw0KGgo=' };

/**
 * Endpoints whose parameters are known. Source: the types of novita-sdk 3.1.3 and 1.1.0. All other
 * endpoints take any body.
 */
const requirements: Readonly<Record<string, Requirements>> = {
  txt2img: {
    place: 'request',
    sample: { ...model, prompt, negative_prompt: 'blurry', ...size, ...diffusion },
  },
  img2img: { place: 'request', sample: { ...model, ...image, prompt, ...size, ...diffusion } },
  inpainting: {
    place: 'request',
    sample: { ...model, ...image, mask_image_base64: image.image_base64, prompt, ...diffusion },
  },
  upscale: {
    place: 'request',
    sample: { model_name: 'RealESRGAN_x4plus_anime_6B', ...image, scale_factor: 2 },
  },
  txt2video: {
    place: 'body',
    sample: {
      model_name: 'darkSushiMixMix_225D_64380.safetensors',
      ...size,
      seed: -1,
      steps: 20,
      prompts: [{ prompt, frames: 32 }],
      guidance_scale: 7.5,
    },
  },
  img2video: {
    place: 'body',
    sample: {
      model_name: 'SVD-XT',
      image_file: image.image_base64,
      frames_num: 25,
      frames_per_second: 6,
      seed: -1,
      image_file_resize_mode: 'CROP_TO_ASPECT_RATIO',
      steps: 20,
    },
  },
  'hunyuan-video-fast': {
    place: 'body',
    sample: { model_name: 'hunyuan-video-fast', ...size, seed: -1, steps: 20, prompt, frames: 85 },
  },
  'wan-t2v': {
    place: 'body',
    sample: { model_name: 'wan-t2v', ...size, seed: -1, prompt, frames: 81 },
  },
  'replace-object': {
    place: 'body',
    sample: {
      image_file: image.image_base64,
      prompt,
      negative_prompt: 'blurry',
      object_prompt: 'a boat',
    },
  },
};

const klingVideo = {
  prompt,
  negative_prompt: 'blurry',
  duration: 5,
  cfg_scale: 0.5,
  sound: true,
};
const klingText = { ...klingVideo, aspect_ratio: '16:9' };
const klingImage = { ...klingVideo, image: '', end_image: '', multi_prompt: [] };
const speech = {
  ...{ text: '', voice_setting: {}, audio_setting: {}, voice_modify: {}, pronunciation_dict: {} },
  ...{ text_file_id: 1, language_boost: '', aigc_watermark: true },
};

/**
 * Endpoints of the catalogue of November 2026. Source: the sample bodies of the pages below
 * https://novita.ai/docs/api-reference, which show types, and no webhook. Which parameters are required
 * is not known, so none is.
 */
const optionalParameters: OptionalParameters = {
  'kling-v3.0-std-t2v': klingText,
  'kling-v3.0-pro-t2v': klingText,
  'kling-v3.0-4k-t2v': klingText,
  'kling-v3.0-std-i2v': klingImage,
  'kling-v3.0-pro-i2v': klingImage,
  'kling-v3.0-4k-i2v': klingImage,
  'kling-v3.0-motion-control': {
    ...{ image: '', video: '', prompt, model_name: '', negative_prompt: '' },
    ...{ keep_original_sound: true, character_orientation: '' },
  },
  'minimax-speech-2.8-hd': speech,
  'minimax-speech-2.8-turbo': speech,
};

const typeOf = (value: unknown): string => (Array.isArray(value) ? 'array' : typeof value);

const describeProblem = (value: unknown, type: string): string | undefined => {
  if (value === undefined || value === null) return `is required: ${type}`;
  return typeOf(value) === type ? undefined : `must be of type ${type}, not ${typeOf(value)}`;
};

const findProblems = (parameters: JsonObject, sample: JsonObject, path: string): string[] =>
  Object.entries(sample).flatMap(([name, example]) => {
    const problem = describeProblem(parameters[name], typeOf(example));
    return problem === undefined ? [] : [`${path}${name} ${problem}`];
  });

const checkOptionalParameters = (endpoint: string, body: JsonObject): void => {
  const samples = Object.entries(optionalParameters[endpoint] ?? {});
  const given = samples.filter(([name]) => body[name] !== undefined && body[name] !== null);
  const problems = findProblems(body, Object.fromEntries(given), '');
  if (problems.length > 0) throw invalidBody(problems.join('; '));
};

/** @throws {ApiError} 400 with every parameter that is missing or has another type */
export const checkParameters = (endpoint: string, body: JsonObject): void => {
  const required = requirements[endpoint];
  if (required === undefined) return checkOptionalParameters(endpoint, body);
  const isNested = required.place === 'request';
  const parameters = isNested ? body['request'] : body;
  if (!isObject(parameters)) throw invalidBody('request is required: object');
  const problems = findProblems(parameters, required.sample, isNested ? 'request.' : '');
  if (problems.length > 0) throw invalidBody(problems.join('; '));
};

/** Adds a sample value for every required parameter that the body lacks. */
export const addSampleParameters = (endpoint: string, body: object): JsonObject => {
  const required = requirements[endpoint];
  const given: JsonObject = { ...body };
  if (required === undefined) return given;
  if (required.place === 'body') return { ...required.sample, ...given };
  const request = isObject(given['request']) ? given['request'] : {};
  return { ...given, request: { ...required.sample, ...request } };
};
