import { sep } from 'node:path';

/** Whether npx fetched the command for one run: then no `npx novita-webhooks` finds it. */
const isFetched = (): boolean => (process.argv[1] ?? '').includes(`${sep}_npx${sep}`);

/** How this command was called, such as `npx novita-webhooks`. For lines that a user copies. */
export const invocation = (): string => {
  if (isFetched()) return 'npx @novita-webhooks/cli';
  return process.env['npm_command'] === 'exec' ? 'npx novita-webhooks' : 'novita-webhooks';
};
