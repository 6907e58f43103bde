const sampleRate = 16_000;
const seconds = 0.2;
const hertz = 440;
const volume = 0.5;
const bytesPerSample = 2;

const writeHeader = (wav: Buffer, dataLength: number): void => {
  wav.write('RIFF', 0, 'latin1');
  wav.writeUInt32LE(36 + dataLength, 4);
  wav.write('WAVEfmt ', 8, 'latin1');
  wav.writeUInt32LE(16, 16); // length of the format that follows
  wav.writeUInt16LE(1, 20); // PCM
  wav.writeUInt16LE(1, 22); // mono
  wav.writeUInt32LE(sampleRate, 24);
  wav.writeUInt32LE(sampleRate * bytesPerSample, 28);
  wav.writeUInt16LE(bytesPerSample, 32);
  wav.writeUInt16LE(bytesPerSample * 8, 34);
  wav.write('data', 36, 'latin1');
  wav.writeUInt32LE(dataLength, 40);
};

/** 0.2 seconds of the note A (440 Hz), mono, 16 bits, 16 kHz. */
export const createWav = (): Uint8Array => {
  const samples = sampleRate * seconds;
  const wav = Buffer.alloc(44 + samples * bytesPerSample);
  writeHeader(wav, samples * bytesPerSample);
  for (let index = 0; index < samples; index++) {
    const wave = Math.sin((2 * Math.PI * hertz * index) / sampleRate);
    wav.writeInt16LE(Math.round(wave * volume * 0x7fff), 44 + index * bytesPerSample);
  }
  return wav;
};
