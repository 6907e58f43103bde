import { Buffer } from 'node:buffer';

/** Shared by the server and the load process. */
export const SECRET = 'a secret of the benchmark, long enough';
/** The form that Svix and Standard Webhooks expect. */
export const BASE64_SECRET: string = Buffer.from(SECRET).toString('base64');
