import { idrPicture, pictureParameterSet, pictureSize, profile } from './h264.ts';
import { sequenceParameterSet, type Colour } from './h264.ts';

/* ISO base media file format (ISO/IEC 14496-12), with AVC samples as in 14496-15. */

const pictures = 10;
/** Units per second, and units that a picture is shown: ten pictures a second. */
const timescale = 1000;
const pictureDuration = 100;
const duration = pictures * pictureDuration;

const u8 = (...values: readonly number[]): Buffer => Buffer.from(values);

const u16 = (...values: readonly number[]): Buffer =>
  Buffer.concat(values.map((value) => u8(value >> 8, value & 0xff)));

const u32 = (...values: readonly number[]): Buffer =>
  Buffer.concat(values.map((value) => u16(value >>> 16, value & 0xffff)));

const zeros = (count: number): Buffer => Buffer.alloc(count);

const box = (type: string, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts);
  return Buffer.concat([u32(content.length + 8), Buffer.from(type, 'latin1'), content]);
};

/** A box that begins with a version (always 0 here) and flags. */
const fullBox = (type: string, flags: number, ...parts: readonly Uint8Array[]): Buffer =>
  box(type, u32(flags), ...parts);

/** No rotation, no scaling: 1.0 in 16.16 and 2.30 fixed point. */
const identityMatrix = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);
const undefinedLanguage = 0x55c4;

const decoderConfiguration = (): Buffer => {
  const sps = sequenceParameterSet();
  const pps = pictureParameterSet();
  const start = u8(1, profile.idc, profile.constraints, profile.level);
  // 0xff: lengths before NAL units are four bytes; 0xe1: one sequence parameter set.
  return box('avcC', start, u8(0xff, 0xe1), u16(sps.length), sps, u8(1), u16(pps.length), pps);
};

const sampleDescription = (): Buffer => {
  const resolution = u32(0x480000, 0x480000); // 72 dpi
  const head = [zeros(6), u16(1), zeros(16), u16(pictureSize, pictureSize), resolution];
  const tail = [zeros(4), u16(1), zeros(32), u16(24, 0xffff), decoderConfiguration()];
  return fullBox('stsd', 0, u32(1), box('avc1', ...head, ...tail));
};

/** All samples lie in one chunk, each of them a place to start decoding, so there is no `stss`. */
const sampleTable = (sizes: readonly number[], offset: number): Buffer =>
  box(
    'stbl',
    sampleDescription(),
    fullBox('stts', 0, u32(1, sizes.length, pictureDuration)),
    fullBox('stsc', 0, u32(1, 1, sizes.length, 1)),
    fullBox('stsz', 0, u32(0, sizes.length, ...sizes)),
    fullBox('stco', 0, u32(1, offset)),
  );

const mediaInformation = (table: Buffer): Buffer =>
  box(
    'minf',
    fullBox('vmhd', 1, zeros(8)),
    box('dinf', fullBox('dref', 0, u32(1), fullBox('url ', 1))),
    table,
  );

const track = (table: Buffer): Buffer => {
  const side = pictureSize << 16;
  const enabledInMovie = 3;
  const handler = Buffer.from('vide', 'latin1');
  return box(
    'trak',
    fullBox(
      'tkhd',
      enabledInMovie,
      u32(0, 0, 1, 0, duration),
      zeros(16),
      identityMatrix,
      u32(side, side),
    ),
    box(
      'mdia',
      fullBox('mdhd', 0, u32(0, 0, timescale, duration), u16(undefinedLanguage, 0)),
      fullBox('hdlr', 0, zeros(4), handler, zeros(12), Buffer.from('video\0', 'latin1')),
      mediaInformation(table),
    ),
  );
};

const movie = (sizes: readonly number[], offset: number): Buffer => {
  const rateAndVolume = [u32(0x10000), u16(0x100), zeros(10)];
  const nextTrack = u32(2);
  const header = [u32(0, 0, timescale, duration), ...rateAndVolume, identityMatrix, zeros(24)];
  return box('moov', fullBox('mvhd', 0, ...header, nextTrack), track(sampleTable(sizes, offset)));
};

const sample = (index: number, colour: Colour): Buffer => {
  const brighter = { ...colour, luma: 40 + index * 18 };
  const picture = idrPicture(index, brighter);
  return Buffer.concat([u32(picture.length), picture]);
};

/**
 * One second of video, 64 × 64 pixels, without sound: a colour that gets brighter.
 *
 * @param hue two bytes that choose the colour
 */
export const createMp4 = (hue: readonly [number, number]): Uint8Array => {
  // Away from both ends, where a colour difference is out of range.
  const colour = { luma: 0, blue: 64 + (hue[0] >> 1), red: 64 + (hue[1] >> 1) };
  const samples = Array.from({ length: pictures }, (_, index) => sample(index, colour));
  const sizes = samples.map(({ length }) => length);
  const type = box('ftyp', Buffer.from('isom\0\0\x02\0isomiso2avc1mp41', 'latin1'));
  // The index comes first so that players can start early; its size does not depend on the offset.
  const offset = type.length + movie(sizes, 0).length + 8;
  return Buffer.concat([type, movie(sizes, offset), box('mdat', ...samples)]);
};
