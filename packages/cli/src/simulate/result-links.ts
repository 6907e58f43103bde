import type { TaskEvent } from '@novita-webhooks/simulator';

/** Returns the links of an event's outputs: images, then videos, then audios. */
export const listLinks = (event: TaskEvent | undefined): string[] => {
  const { images = [], videos = [], audios = [] } = event?.payload ?? {};
  return [
    ...images.map((image) => image.image_url),
    ...videos.map((video) => video.video_url),
    ...audios.map((audio) => audio.audio_url),
  ];
};
