/** Rows of an array, ready for the protocol: raw little-endian bytes with their type and shape. */
export interface TensorData {
  readonly dtype: 'u8' | 'u16' | 'f32';
  readonly shape: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}
