import type { SkippedFile } from '../../../shared/domain/dataset.ts';
import type { DatasetFormat } from '../../../shared/domain/dataset-format.ts';
import type { ImageShape, Split } from '../../../shared/domain/shape.ts';

/** One image of a source before it is read. */
export interface SourceItem {
  /** Position in the source's classes. */
  readonly label: number;
  /** The split that the source gives, or null. */
  readonly split: Split | null;
}

/** Some images of a source, decoded. */
export interface DecodedBlock {
  /** Positions in the source's items, ascending; files that do not decode are left out and listed in `skipped`. */
  readonly items: readonly number[];
  /** [items, height, width, channels]: bytes 0…255, or float32 in [0, 1]. */
  readonly pixels: Uint8Array | Float32Array;
  readonly skipped: readonly SkippedFile[];
}

/** Images with labels on disk, in whatever format, not yet read. */
export interface ImageSource {
  readonly kind: DatasetFormat;
  /** The files or folders that it consists of. */
  readonly paths: readonly string[];
  readonly suggestedName: string;
  readonly shape: ImageShape;
  /** What its blocks hold; bytes if left out. */
  readonly pixels?: 'u8' | 'f32';
  /** Whether classes stay in their places though they have no image, because models know them by number. */
  readonly keepsClasses?: boolean;
  readonly classes: readonly string[];
  readonly items: readonly SourceItem[];
  /** What was left out so far, and why. */
  readonly skipped: readonly SkippedFile[];
  /** Reads all images in the order of `items`. @throws AppError `bad-data` that names the file. */
  read(): AsyncIterable<DecodedBlock>;
}
