import * as z from 'zod';

const LOOPBACK_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

export const callbackUrlSchema: z.ZodURL = z.url({
  protocol: /^https?$/,
  error: 'must be an http or https URL',
});

/** Returns why the simulator must not POST to `url`, or `undefined` if it may. */
export const findAddressProblem = (url: string, allowRemote: boolean): string | undefined => {
  const { hostname } = new URL(url);
  if (allowRemote || LOOPBACK_HOST.test(hostname)) return undefined;
  return `${hostname} is not a loopback host. Set url of the receiver to where your server listens, such as http://127.0.0.1:3000/webhooks/novita, or allow other hosts with --allow-remote or allowRemote: true.`;
};
