/** The endpoint under test: its name, and where its server has it. */
export const NAME = 'crash';
export const PATH = '/webhooks/novita';
