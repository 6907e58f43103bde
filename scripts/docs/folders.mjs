// What each folder is for, where no package.json says so. `npm run docs` writes these lines into
// ARCHITECTURE.md and docs/files.md, and fails where a folder is gone or a folder of core is new.
export const FOLDERS = {
  'packages/core/src': 'receiver.ts puts the parts together, options.ts checks the options',
  'packages/core/src/adapters': 'from a request to the receiver and back: fetch, AWS Lambda',
  'packages/core/src/adapters/node': 'the same for Node: @novita-webhooks/core/node',
  'packages/core/src/self-check':
    'what a receiver says of itself: at start, and in receiver.check()',
  'packages/core/src/delivery': 'one delivery: method, token, body, event, inbox, reply',
  'packages/core/src/handlers': 'runs the handlers on an entry: attempts, retries, dead letters',
  'packages/core/src/inbox': 'the two ports, Inbox and Store',
  'packages/core/src/inbox/operations': 'for operators: groups, bulk actions, export and import',
  'packages/core/src/inbox/polling': 'turns a store into an inbox: claims, leases, heartbeats',
  'packages/core/src/inbox/memory': 'the default inbox and the reference store',
  'packages/core/src/expectations': 'results without webhooks: submit, expect, sweep, result',
  'packages/core/src/task-results': 'asks the Task Result API',
  'packages/core/src/callback': 'callback URLs and their tokens',
  'packages/core/src/events': 'the envelope, the schema of a result, its links',
  'packages/core/src/shared': 'errors, logger, clock, JSON, checks of options',
  'packages/cli/src': 'adds the commands to one program',
  'packages/cli/src/inbox': '`inbox`: addresses, filters, and a command for each operation',
  'packages/cli/src/serve': '`serve`: a server and what it does with each event',
  'packages/cli/src/terminal': 'what commands print and ask',
  examples: 'a server or a set of processes each, with a README',
  bench: 'ratios, measured in one run: npm run bench',
  'test/crash': 'kills processes at every point: npm run test:crash',
  'test/missed':
    'loses webhooks and kills servers, and counts results that no handler got: npm run test:missed',
  'test/model': 'compares every store with a simple reference, on random operations',
  'test/simulation':
    'runs receivers under one seeded scheduler, with faults at every point: npm run test:simulation',
  'test/runtimes': 'the built core on Bun, Deno, workerd and several versions of Node',
  scripts: 'the checks, and what writes the generated documents',
  etc: 'the public names of every package, for review: npm run api',
  'docs/decisions': 'why things are as they are',
};
