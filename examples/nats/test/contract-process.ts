// Arguments: the address of the server and the stream.
import { connect } from '@nats-io/transport-node';
import { runContractProcess } from '@novita-webhooks/testing';

import { natsInbox } from '../src/inbox/nats-inbox.ts';

const [servers = '', stream = ''] = process.argv.slice(2);
const connection = await connect({ servers });
await runContractProcess((options) => natsInbox({ connection, stream, ...options }));
