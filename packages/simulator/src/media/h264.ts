import { createBitWriter } from './bits.ts';

/*
 * The smallest honest H.264 encoder: Constrained Baseline, every picture an IDR picture, every
 * macroblock I_PCM, which means raw samples. Section numbers are those of ITU-T H.264.
 */

const macroblocksPerSide = 4;
const macroblockCount = macroblocksPerSide ** 2;

/** Width and height in pixels. */
export const pictureSize: number = macroblocksPerSide * 16;

export const profile = { idc: 66, constraints: 0xc0, level: 30 } as const;

/** 8-bit samples that fill a whole picture. */
export interface Colour {
  readonly luma: number;
  readonly blue: number;
  readonly red: number;
}

/** 7.4.1: no three bytes in a NAL unit may look like a start code, so a 3 breaks them up. */
const escapeStartCodes = (bytes: Uint8Array): Uint8Array => {
  const escaped: number[] = [];
  let zeros = 0;
  for (const byte of bytes) {
    if (zeros >= 2 && byte <= 3) {
      escaped.push(3);
      zeros = 0;
    }
    escaped.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Uint8Array.from(escaped);
};

const nalUnit = (header: number, ...parts: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat([Uint8Array.of(header), escapeStartCodes(Buffer.concat(parts))]);

/** 7.3.2.1.1 */
export const sequenceParameterSet = (): Uint8Array => {
  const bits = createBitWriter()
    .bits(profile.idc, 8)
    .bits(profile.constraints, 8)
    .bits(profile.level, 8)
    .golomb(0) // seq_parameter_set_id
    .golomb(0) // log2_max_frame_num_minus4
    .golomb(2) // pic_order_cnt_type: shown in the order of decoding
    .golomb(0) // max_num_ref_frames
    .bits(0, 1) // gaps_in_frame_num_value_allowed_flag
    .golomb(macroblocksPerSide - 1) // pic_width_in_mbs_minus1
    .golomb(macroblocksPerSide - 1) // pic_height_in_map_units_minus1
    .bits(0b1100, 4) // frame_mbs_only, direct_8x8_inference, no cropping, no VUI
    .bits(1, 1) // rbsp_stop_one_bit
    .align();
  return nalUnit(0x67, bits.toBytes());
};

/** 7.3.2.2 */
export const pictureParameterSet = (): Uint8Array => {
  const bits = createBitWriter()
    .golomb(0) // pic_parameter_set_id
    .golomb(0) // seq_parameter_set_id
    .bits(0, 2) // CAVLC, no field order
    .golomb(0) // num_slice_groups_minus1
    .golomb(0) // num_ref_idx_l0_default_active_minus1
    .golomb(0) // num_ref_idx_l1_default_active_minus1
    .bits(0, 3) // no weighted prediction
    .golomb(0) // pic_init_qp_minus26
    .golomb(0) // pic_init_qs_minus26
    .golomb(0) // chroma_qp_index_offset
    .bits(0, 3) // no deblocking control, no constrained intra, no redundant pictures
    .bits(1, 1) // rbsp_stop_one_bit
    .align();
  return nalUnit(0x68, bits.toBytes());
};

/** 7.3.5: mb_type 25 is I_PCM; its samples start at a whole byte. */
const macroblockType = (slice: ReturnType<typeof createBitWriter>): Uint8Array =>
  slice.golomb(25).align().toBytes();

const samples = ({ luma, blue, red }: Colour): Uint8Array =>
  Buffer.concat([Buffer.alloc(256, luma), Buffer.alloc(64, blue), Buffer.alloc(64, red)]);

/** 7.3.3: one slice is the whole picture. Neighbouring IDR pictures need different ids. */
export const idrPicture = (id: number, colour: Colour): Uint8Array => {
  const header = createBitWriter()
    .golomb(0) // first_mb_in_slice
    .golomb(7) // slice_type: I, and so are all others
    .golomb(0) // pic_parameter_set_id
    .bits(0, 4) // frame_num
    .golomb(id) // idr_pic_id
    .bits(0, 2) // dec_ref_pic_marking
    .golomb(0); // slice_qp_delta
  const pixels = samples(colour);
  const next = macroblockType(createBitWriter());
  const rest = Array.from({ length: macroblockCount - 1 }, () => [next, pixels]).flat();
  const stopBit = Uint8Array.of(0x80);
  return nalUnit(0x65, macroblockType(header), pixels, ...rest, stopBit);
};
