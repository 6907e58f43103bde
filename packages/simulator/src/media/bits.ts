/** Collects bits, most significant first, the way H.264 writes its headers. */
export interface BitWriter {
  /** `count` bits of a number, at most 32. */
  readonly bits: (value: number, count: number) => BitWriter;
  /** An unsigned Exp-Golomb code, `ue(v)` in the standard. */
  readonly golomb: (value: number) => BitWriter;
  /** Zero bits up to the next whole byte. */
  readonly align: () => BitWriter;
  readonly toBytes: () => Uint8Array;
}

export const createBitWriter = (): BitWriter => {
  let text = '';
  const writer: BitWriter = {
    bits: (value, count) => {
      text += value.toString(2).padStart(count, '0');
      return writer;
    },
    golomb: (value) => {
      const code = (value + 1).toString(2);
      text += '0'.repeat(code.length - 1) + code;
      return writer;
    },
    align: () => {
      text = text.padEnd(Math.ceil(text.length / 8) * 8, '0');
      return writer;
    },
    toBytes: () => Uint8Array.from(text.match(/.{8}/g) ?? [], (byte) => parseInt(byte, 2)),
  };
  return writer;
};
