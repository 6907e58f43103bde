import type { TokenRefusal } from '../callback/token.ts';
import type { ReplyCode } from '../shared/errors.ts';
import { readOr } from '../shared/read-or.ts';
import { replies } from './replies.ts';
import type { WebhookRequest } from './request.ts';

/** A delivery that was not answered 2xx. Holds nothing that its sender chose but the address. */
export interface RefusedDelivery {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly status: number;
  readonly code: ReplyCode;
  /** What was wrong with the token; `null` if the token was not the reason. */
  readonly token: TokenRefusal | null;
  /** IP address of the connection: of the proxy, if there is one. `null` if the runtime has none. */
  readonly address: string | null;
}

/** Keeps the last refused deliveries of a receiver. */
export interface RefusedDeliveries {
  add(request: WebhookRequest, refused: Pick<RefusedDelivery, 'at' | 'code' | 'token'>): void;
  /** The latest first. */
  list(): readonly RefusedDelivery[];
}

const MAX_KEPT = 100;
const MAX_ADDRESS_LENGTH = 64;

export function createRefusedDeliveries(): RefusedDeliveries {
  const kept: RefusedDelivery[] = [];
  let next = 0;
  return {
    add(request, { at, code, token }) {
      const address = readOr<unknown>(() => request.remoteAddress, null);
      kept[next] = {
        ...{ at, status: replies[code].status, code, token },
        address: typeof address === 'string' ? address.slice(0, MAX_ADDRESS_LENGTH) : null,
      };
      next = (next + 1) % MAX_KEPT;
    },
    list: () => [...kept.slice(next), ...kept.slice(0, next)].reverse(),
  };
}
