import { createNodeMiddleware, Webhooks as GitHubWebhooks } from '@octokit/webhooks';
import { Webhooks as polarWebhooks } from '@polar-sh/express';
import express, { type Request } from 'express';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { Webhook as SvixWebhook } from 'svix';

import type { Scheme } from '../protocol.ts';
import { BASE64_SECRET, SECRET } from '../secrets.ts';
import { listen, type OnEvent, type Started } from './listening.ts';

const GITHUB_PATH = '/api/github/webhooks';

/** Other libraries, as their documentation mounts them. */
export const peers: Readonly<Record<string, (onEvent: OnEvent) => Promise<Started>>> = {
  'octokit on node:http': (onEvent) => {
    const middleware = createNodeMiddleware(github(onEvent));
    return listen((request, response) => void middleware(request, response), 'github', GITHUB_PATH);
  },
  'octokit on express': (onEvent) => {
    const app = express();
    app.use(createNodeMiddleware(github(onEvent)));
    return listen(app, 'github', GITHUB_PATH);
  },
  'stripe on express': (onEvent) => {
    const stripe = new Stripe('sk_test_1');
    return verifyRaw(onEvent, 'stripe', ({ body, headers }) =>
      stripe.webhooks.constructEvent(body as Buffer, headers['stripe-signature'] ?? '', SECRET),
    );
  },
  'svix on express': (onEvent) => {
    const webhook = new SvixWebhook(BASE64_SECRET);
    return verifyRaw(onEvent, 'svix', ({ body, headers }) =>
      webhook.verify(body as Buffer, headers as Record<string, string>),
    );
  },
  'standardwebhooks on express': (onEvent) => {
    const webhook = new StandardWebhook(BASE64_SECRET);
    return verifyRaw(onEvent, 'standard', ({ body, headers }) =>
      webhook.verify(body as Buffer, headers as Record<string, string>),
    );
  },
  'polar on express': (onEvent) => {
    const onPayload = async () => onEvent();
    const app = express();
    app.use(express.json());
    // The package declares Express 4; its handler works with both.
    app.post('/', polarWebhooks({ webhookSecret: SECRET, onPayload }));
    return listen(app, 'polar');
  },
};

function github(onEvent: OnEvent): GitHubWebhooks {
  const webhooks = new GitHubWebhooks({ secret: SECRET });
  webhooks.on('push', async () => onEvent());
  return webhooks;
}

function verifyRaw(
  onEvent: OnEvent,
  scheme: Scheme,
  verify: (request: Request) => unknown,
): Promise<Started> {
  const app = express();
  app.post('/', express.raw({ type: 'application/json' }), (request, response) => {
    verify(request);
    onEvent();
    response.json({ received: true });
  });
  return listen(app, scheme);
}
