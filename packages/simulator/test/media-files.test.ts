import { crc32, inflateSync } from 'node:zlib';
import { expect, test } from 'vitest';

import { mediaFiles } from '../src/media-files.ts';

interface Section {
  type: string;
  body: Buffer;
  end: number;
}

/** Splits `bytes` into sections of `header` bytes and a body; the sections must fill `bytes`. */
const split = (
  bytes: Buffer,
  header: number,
  read: (at: number) => { type: string; length: number },
  trailer = 0,
): Section[] => {
  const sections: Section[] = [];
  let at = 0;
  while (at < bytes.length) {
    const { type, length } = read(at);
    const end = at + header + length;
    sections.push({ type, body: bytes.subarray(at + header, end), end });
    at = end + trailer;
  }
  expect(at).toBe(bytes.length);
  return sections;
};

const readBoxes = (bytes: Buffer): Section[] =>
  split(bytes, 8, (at) => ({
    length: bytes.readUInt32BE(at) - 8,
    type: bytes.toString('latin1', at + 4, at + 8),
  }));

const findBox = (bytes: Buffer, ...path: string[]): Buffer =>
  path.reduce(
    (parent, type) => readBoxes(parent).find((box) => box.type === type)?.body ?? Buffer.alloc(0),
    bytes,
  );

test('mediaFiles.images: PNG of 1 × 1 pixel with valid checksums', () => {
  const png = Buffer.from(mediaFiles.images.bytes);
  expect(png.toString('hex', 0, 8)).toBe('89504e470d0a1a0a');
  const data = png.subarray(8);
  const readChunk = (at: number): { type: string; length: number } => ({
    length: data.readUInt32BE(at),
    type: data.toString('latin1', at + 4, at + 8),
  });
  const chunks = split(data, 8, readChunk, 4);
  expect(chunks.map(({ type }) => type)).toEqual(['IHDR', 'IDAT', 'IEND']);
  for (const { type, body, end } of chunks) {
    expect(data.readUInt32BE(end)).toBe(crc32(Buffer.concat([Buffer.from(type), body])));
  }
  expect(chunks[0]?.body.toString('hex')).toBe('00000001000000010100000000');
  expect(inflateSync(chunks[1]?.body ?? '')).toHaveLength(2);
});

test('mediaFiles.videos: MP4 whose index points at one H.264 IDR picture', () => {
  const mp4 = Buffer.from(mediaFiles.videos.bytes);
  expect(readBoxes(mp4).map(({ type }) => type)).toEqual(['ftyp', 'moov', 'mdat']);
  const samples = findBox(mp4, 'moov', 'trak', 'mdia', 'minf', 'stbl');
  expect(findBox(samples, 'stsd').toString('latin1')).toContain('avcC');
  const [size, count] = [4, 8].map((at) => findBox(samples, 'stsz').readUInt32BE(at));
  const offset = findBox(samples, 'stco').readUInt32BE(8);
  expect(count).toBe(1);
  expect(findBox(mp4, 'mdat')).toHaveLength(size ?? 0);
  expect(mp4.length - offset).toBe(size);
  expect(mp4.readUInt32BE(offset)).toBe((size ?? 0) - 4);
  expect(mp4[offset + 4]).toBe(0x65);
});

test('mediaFiles.audios: WAV whose sizes match its bytes', () => {
  const wav = Buffer.from(mediaFiles.audios.bytes);
  expect(wav.toString('latin1', 0, 4) + wav.toString('latin1', 8, 12)).toBe('RIFFWAVE');
  expect(wav.readUInt32LE(4)).toBe(wav.length - 8);
  const chunks = split(wav.subarray(12), 8, (at) => ({
    length: wav.readUInt32LE(12 + at + 4),
    type: wav.toString('latin1', 12 + at, 12 + at + 4),
  }));
  expect(chunks.map(({ type }) => type)).toEqual(['fmt ', 'data']);
  // PCM, 1 channel, 8,000 samples per second, 8,000 bytes per second, 1 byte and 8 bits per sample.
  expect(chunks[0]?.body.toString('hex')).toBe('01000100401f0000401f000001000800');
});
