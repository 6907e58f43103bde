import { crc32, deflateSync } from 'node:zlib';

const side = 128;
const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

const chunk = (type: string, data: Uint8Array): Buffer => {
  const content = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const whole = Buffer.alloc(content.length + 8);
  whole.writeUInt32BE(data.length);
  whole.set(content, 4);
  whole.writeUInt32BE(crc32(content), content.length + 4);
  return whole;
};

/** Width, height, 8 bits per channel, RGB, and the only known compression, filter and interlacing. */
const header = (): Buffer => {
  const data = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
  data.writeUInt32BE(side, 0);
  data.writeUInt32BE(side, 4);
  return data;
};

/** One line of pixels after the byte that says "not filtered". */
const row = (y: number, colour: readonly number[]): Buffer => {
  const shade = 1 - y / (2 * side);
  const pixel = colour.map((channel) => Math.round(channel * shade));
  return Buffer.concat([Buffer.of(0), Buffer.alloc(side * 3, Buffer.from(pixel))]);
};

/**
 * A picture of 128 × 128 pixels: one colour that gets darker towards the bottom.
 *
 * @param colour red, green and blue, 0 to 255
 */
export const createPng = (colour: readonly [number, number, number]): Uint8Array => {
  const rows = Array.from({ length: side }, (_, y) => row(y, colour));
  const pixels = deflateSync(Buffer.concat(rows));
  const end = chunk('IEND', Buffer.alloc(0));
  return Buffer.concat([signature, chunk('IHDR', header()), chunk('IDAT', pixels), end]);
};
