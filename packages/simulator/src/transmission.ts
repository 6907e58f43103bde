// How a body is sent: at once, or with the faults of an attempt.
import { draw, drawFaultMs } from './draw.ts';
import type { FaultName, ResolvedFaults } from './faults.ts';

/** How one POST is sent. */
export interface Transmission {
  /** Value of the header; empty: no header. */
  readonly contentType: string;
  /** Milliseconds between the headers and the body. */
  readonly pauseMs: number;
  /** Milliseconds over which the pieces of the body are spread; 0: one piece. */
  readonly dripMs: number;
  /** Whether the connection breaks in the middle of the body. */
  readonly isReset: boolean;
}

export const defaultTransmission: Transmission = {
  contentType: 'application/json',
  pauseMs: 0,
  dripMs: 0,
  isReset: false,
};

const wrongContentTypes = ['text/plain', 'application/x-www-form-urlencoded', 'image/png', ''];

/** Turns the faults of an attempt into a transmission. */
export const createTransmission = (
  faults: readonly FaultName[],
  settings: ResolvedFaults,
  seed: number,
  topic: readonly number[],
): Transmission => {
  if (faults.length === 0) return defaultTransmission;
  const msOf = (name: FaultName): number =>
    faults.includes(name) ? drawFaultMs(name, settings, seed, topic) : 0;
  const index = Math.floor(
    draw(seed, [...topic, 'contentType', 'value']) * wrongContentTypes.length,
  );
  const wrongType = wrongContentTypes[index] ?? '';
  return {
    contentType: faults.includes('contentType') ? wrongType : defaultTransmission.contentType,
    pauseMs: msOf('slow'),
    dripMs: msOf('drip'),
    isReset: faults.includes('reset'),
  };
};

/** Returns the first half of a body. */
export const cutBody = (body: string | Uint8Array): Uint8Array => {
  const bytes = Buffer.from(body);
  return bytes.subarray(0, Math.floor(bytes.length / 2));
};
