// The public entry `@novita-webhooks/core/node`: receiving through `node:http`.
export { handleNodeRequest, type HandleNodeRequestOptions } from './handle-node-request.ts';
export type { NodeRequest, NodeResponse, NodeStream } from './types.ts';
export { toNodeHandler, type NodeHandler } from './to-node-handler.ts';
