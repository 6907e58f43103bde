import type { Media } from './novita-types.ts';

/** A result file that the simulator serves. */
export interface MediaFile {
  /** Also the value of `image_type`, `video_type` or `audio_type`. */
  readonly extension: 'png' | 'mp4' | 'wav';
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

const decode = (base64: string): Uint8Array => Buffer.from(base64, 'base64');

/** PNG, 67 bytes: 1 × 1 pixel, 1 bit per pixel. */
const png = decode(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==',
);

/** MP4, 647 bytes: one H.264 frame of 16 × 16 pixels, shown for 1 second. */
const mp4 = decode(
  'AAAAGGZ0eXBpc29tAAACAGlzb21tcDQxAAACWG1vb3YAAABsbXZoZAAAAAAAAAAAAAAAAAAAA+gAAAPoAAEAAAEAAAAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIAAAHkdHJhawAAAFx0a2hkAAAAAwAAAAAAAAAAAAAAAQAAAAAAAAPoAAAAAAAAAAAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAQAAAAAAQAAAAEAAAAAABgG1kaWEAAAAgbWRoZAAAAAAAAAAAAAAAAAAAA+gAAAPoVcQAAAAAACFoZGxyAAAAAAAAAAB2aWRlAAAAAAAAAAAAAAAAAAAAATdtaW5mAAAAFHZtaGQAAAABAAAAAAAAAAAAAAAkZGluZgAAABxkcmVmAAAAAAAAAAEAAAAMdXJsIAAAAAEAAAD3c3RibAAAAJNzdHNkAAAAAAAAAAEAAACDYXZjMQAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAQABAASAAAAEgAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABj//wAAAC1hdmNDAULACv/hABVnQsAK3ewEQAAAAwBAAAADAIPEieABAAVozg8sgAAAABhzdHRzAAAAAAAAAAEAAAABAAAD6AAAABxzdHNjAAAAAAAAAAEAAAABAAAAAQAAAAEAAAAUc3RzegAAAAAAAAAPAAAAAQAAABRzdGNvAAAAAAAAAAEAAAJ4AAAAF21kYXQAAAALZYiEBLyYoAAgL4A=',
);

/** WAV, 46 bytes: two silent samples, 8-bit PCM, mono, 8 kHz. */
const wav = decode('UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQIAAACAgA==');

/** The file behind every link of a media kind. All tasks share it. */
export const mediaFiles: Readonly<Record<Media, MediaFile>> = {
  images: { extension: 'png', contentType: 'image/png', bytes: png },
  videos: { extension: 'mp4', contentType: 'video/mp4', bytes: mp4 },
  audios: { extension: 'wav', contentType: 'audio/wav', bytes: wav },
};
