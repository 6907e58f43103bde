import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, inflateSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';

import { createFile, type FileType } from '../src/media/file.ts';

const make = (type: FileType, name = 'task/0'): Buffer => Buffer.from(createFile(type, name).bytes);

describe('the PNG', () => {
  const chunks = (png: Buffer): { type: string; data: Buffer; crc: number; sum: number }[] => {
    const found = [];
    for (let at = 8; at < png.length;) {
      const length = png.readUInt32BE(at);
      const content = png.subarray(at + 4, at + 8 + length);
      found.push({
        type: content.toString('latin1', 0, 4),
        data: content.subarray(4),
        crc: png.readUInt32BE(at + 8 + length),
        sum: crc32(content),
      });
      at += 12 + length;
    }
    return found;
  };

  test('has its chunks in order and their sums right', () => {
    const png = make('png');
    expect(png.subarray(0, 8).toString('hex')).toBe('89504e470d0a1a0a');
    expect(chunks(png).map(({ type }) => type)).toEqual(['IHDR', 'IDAT', 'IEND']);
    for (const { crc, sum } of chunks(png)) expect(crc).toBe(sum);
  });

  test('holds all pixels', () => {
    const [header, pixels] = chunks(make('png'));
    expect(header?.data.toString('hex')).toBe('00000080000000800802000000');
    const rows = inflateSync(pixels?.data ?? Buffer.alloc(0));
    expect(rows).toHaveLength(128 * (1 + 128 * 3));
    for (let y = 0; y < 128; y++) expect(rows[y * 385]).toBe(0);
  });

  test('differs from task to task and is always the same for one', () => {
    expect(make('png', 'a/0')).toEqual(make('png', 'a/0'));
    expect(make('png', 'a/0')).not.toEqual(make('png', 'b/0'));
    expect(make('png', 'a/0')).not.toEqual(make('png', 'a/1'));
  });
});

test('the WAV holds 0.2 seconds of 440 Hz', () => {
  const wav = make('wav');
  expect(wav.toString('latin1', 0, 4)).toBe('RIFF');
  expect(wav.readUInt32LE(4)).toBe(wav.length - 8);
  expect(wav.toString('latin1', 8, 16)).toBe('WAVEfmt ');
  const format = [wav.readUInt16LE(20), wav.readUInt16LE(22), wav.readUInt32LE(24)];
  expect(format).toEqual([1, 1, 16_000]);
  expect([wav.readUInt32LE(28), wav.readUInt16LE(32), wav.readUInt16LE(34)]).toEqual([
    32_000, 2, 16,
  ]);
  expect(wav.toString('latin1', 36, 40)).toBe('data');
  expect(wav.readUInt32LE(40)).toBe(wav.length - 44);
  const samples = Array.from({ length: 3200 }, (_, index) => wav.readInt16LE(44 + index * 2));
  const rising = samples.filter((value, index) => value > 0 && (samples[index - 1] ?? 0) <= 0);
  expect(rising).toHaveLength(440 * 0.2);
});

describe('the MP4', () => {
  interface Box {
    type: string;
    start: number;
    end: number;
  }

  /** Bytes between the header of a box and the boxes inside it. */
  const containers: Record<string, number> = {
    moov: 0,
    trak: 0,
    mdia: 0,
    minf: 0,
    dinf: 0,
    stbl: 0,
    dref: 8,
    stsd: 8,
    avc1: 78,
  };

  const walk = (mp4: Buffer, from = 0, to = mp4.length): Box[] => {
    const boxes: Box[] = [];
    let at = from;
    while (at < to) {
      const [end, type] = [at + mp4.readUInt32BE(at), mp4.toString('latin1', at + 4, at + 8)];
      boxes.push({ type, start: at + 8, end });
      const skip = containers[type];
      if (skip !== undefined) boxes.push(...walk(mp4, at + 8 + skip, end));
      at = end;
    }
    expect(at).toBe(to);
    return boxes;
  };

  const find = (mp4: Buffer, type: string): Buffer => {
    const box = walk(mp4).find((candidate) => candidate.type === type);
    return mp4.subarray(box?.start, box?.end);
  };

  test('is made of boxes that fit into each other', () => {
    const types = walk(make('mp4')).map(({ type }) => type);
    expect(types.join(' ')).toBe(
      'ftyp moov mvhd trak tkhd mdia mdhd hdlr minf vmhd dinf dref url  ' +
        'stbl stsd avc1 avcC stts stsc stsz stco mdat',
    );
    const sizes: Record<string, number> = { mvhd: 100, tkhd: 84, mdhd: 24, vmhd: 12 };
    for (const [type, size] of Object.entries(sizes)) {
      expect(find(make('mp4'), type)).toHaveLength(size);
    }
  });

  test('finds its samples where the index says, each one whole IDR picture', () => {
    const mp4 = make('mp4');
    const sizes = find(mp4, 'stsz');
    let at = find(mp4, 'stco').readUInt32BE(8);
    let idBytes: number | undefined;
    expect(at).toBe(walk(mp4).find(({ type }) => type === 'mdat')?.start);
    const count = sizes.readUInt32BE(8);
    expect(count).toBe(10);
    for (let index = 0; index < count; index++) {
      const size = sizes.readUInt32BE(12 + index * 4);
      expect(mp4.readUInt32BE(at)).toBe(size - 4);
      expect(mp4[at + 4]).toBe(0x65);
      // The bytes around idr_pic_id, in which two IDR pictures in a row must differ.
      if (index > 0) expect(mp4.readUInt16BE(at + 6)).not.toBe(idBytes);
      idBytes = mp4.readUInt16BE(at + 6);
      at += size;
    }
    expect(at).toBe(mp4.length);
  });

  test('differs from task to task', () => {
    expect(make('mp4', 'a/0')).not.toEqual(make('mp4', 'b/0'));
  });
});

const hasDecoder = spawnSync('ffmpeg', ['-version']).status === 0;
if (!hasDecoder) console.warn('SKIPPED: no ffmpeg on this machine, media are not really decoded');

describe.skipIf(!hasDecoder)('a real decoder', () => {
  test.each([
    ['png', 'codec_name=png|width=128|height=128|nb_read_frames=1'],
    ['mp4', 'codec_name=h264|width=64|height=64|duration=1.000000|nb_read_frames=10'],
    ['wav', 'codec_name=pcm_s16le|sample_rate=16000|channels=1|duration=0.200000'],
  ] as const)('takes the %s without complaint', (type, found) => {
    const folder = mkdtempSync(join(tmpdir(), 'simulator-'));
    onTestFinished(() => {
      rmSync(folder, { recursive: true });
    });
    const path = join(folder, `file.${type}`);
    writeFileSync(path, make(type));
    const decoded = spawnSync('ffmpeg', ['-v', 'error', '-i', path, '-f', 'null', '-']);
    expect(decoded.stderr.toString()).toBe('');
    expect(decoded.status).toBe(0);
    const probe = ['-v', 'error', '-count_frames', '-show_streams', '-of', 'compact', path];
    const fields = execFileSync('ffprobe', probe).toString().trim().split('|');
    expect(fields).toEqual(expect.arrayContaining(found.split('|')));
  });
});
