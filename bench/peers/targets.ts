/** Without a webhook library: the server reads and parses the body, and replies. */
const BARE = ['node:http', 'express', 'fastify', 'koa'] as const;
/** Other libraries, as their documentation mounts them. They verify a signature and keep nothing. */
const PEERS = [
  'octokit on node:http',
  'octokit on express',
  'stripe on express',
  'svix on express',
  'standardwebhooks on express',
  'polar on express',
] as const;

export const FRAMEWORKS = BARE;
export type Framework = (typeof FRAMEWORKS)[number];

export const INBOXES = ['memory', 'sqlite', 'postgres', 'bullmq'] as const;
export type InboxName = (typeof INBOXES)[number];

export function ours(framework: Framework, inbox: InboxName): string {
  return `ours on ${framework}, ${inbox}`;
}

/** @param inboxes those behind our receiver */
export function allTargets(inboxes: readonly InboxName[]): readonly string[] {
  const our = inboxes.flatMap((inbox) => FRAMEWORKS.map((framework) => ours(framework, inbox)));
  return [...BARE, ...PEERS, ...our];
}

/** Pairs whose ratio of requests per second is compared with a baseline. */
export const RATIOS: readonly (readonly [target: string, reference: string])[] = [
  [ours('node:http', 'memory'), 'octokit on node:http'],
  [ours('node:http', 'sqlite'), 'octokit on node:http'],
  [ours('express', 'memory'), 'octokit on express'],
  [ours('express', 'memory'), 'svix on express'],
  [ours('express', 'sqlite'), 'octokit on express'],
  [ours('express', 'sqlite'), 'polar on express'],
  [ours('fastify', 'memory'), 'fastify'],
  [ours('koa', 'memory'), 'koa'],
];
