/** Name of the endpoint under test. */
export const ENDPOINT = 'crash';
/** Path of the endpoint under test. */
export const ENDPOINT_PATH = '/webhooks/novita';
