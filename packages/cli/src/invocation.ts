/** How this command was called: `novita-webhooks`, or `npx novita-webhooks`. For lines that a user copies. */
export const invocation = (): string =>
  process.env['npm_command'] === 'exec' ? 'npx novita-webhooks' : 'novita-webhooks';
