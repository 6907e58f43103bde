import { createHash } from 'node:crypto';

import type { Media } from '../wire.ts';
import { createMp4 } from './mp4.ts';
import { createPng } from './png.ts';
import { createWav } from './wav.ts';

export type FileType = 'png' | 'mp4' | 'wav';

export interface MediaFile {
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

/** What the simulator makes for each kind of output. */
export const fileTypes: Readonly<Record<Media, FileType>> = {
  images: 'png',
  videos: 'mp4',
  audios: 'wav',
};

const makers: Readonly<Record<FileType, (seed: Buffer) => MediaFile>> = {
  png: ([red = 0, green = 0, blue = 0]) => ({
    contentType: 'image/png',
    bytes: createPng([red, green, blue]),
  }),
  mp4: ([blue = 0, red = 0]) => ({ contentType: 'video/mp4', bytes: createMp4([blue, red]) }),
  wav: () => ({ contentType: 'audio/wav', bytes: createWav() }),
};

/** Made anew on every request, always the same for the same name, so that nothing need be kept. */
export const createFile = (type: FileType, name: string): MediaFile =>
  makers[type](createHash('sha256').update(name).digest());
