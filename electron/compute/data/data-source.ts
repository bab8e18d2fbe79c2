import type { SkippedFile } from '../../../shared/domain/dataset.ts';
import type { DatasetFormat } from '../../../shared/domain/dataset-format.ts';
import type { ImportPlan } from '../../../shared/domain/import-plan.ts';
import type { ImageShape, Split } from '../../../shared/domain/shape.ts';
import type { FileTree } from './tree/tree.ts';

/** A value that the source gives with an image, beside its class and split. */
export type ItemColumns = Readonly<Record<string, string | number | null>>;

/** Label of an image whose label in the source is out of range. */
export const NO_CLASS = -1;

/** One image of a source before it is read. */
export interface DataItem {
  /** Its file below the tree's root, or `images[17]` for a row of an array. */
  readonly name: string;
  /** Position in the source's classes, or NO_CLASS: the image is then left out, and is among what was skipped. */
  readonly label: number;
  /** The split that the source gives, or null. */
  readonly split: Split | null;
  readonly columns?: ItemColumns;
}

interface SourceBase {
  readonly kind: DatasetFormat;
  readonly suggestedName: string;
  readonly classes: readonly string[];
  /** Whether classes stay in their places though they have no image, because models know them by number. */
  readonly keepsClasses?: boolean;
  readonly items: readonly DataItem[];
  /** What was left out so far, and why. */
  readonly skipped: readonly SkippedFile[];
  /** What a user of the set should know, such as an order of axes that was taken for granted. */
  readonly notes?: readonly string[];
  readonly close?: () => Promise<void>;
}

/** Images in a coding of their own: PNG, JPEG and the like. */
export interface EncodedSource extends SourceBase {
  readonly form: 'encoded';
  /**
   * The coded bytes of an item. Asked for in ascending order, some at once.
   * @throws AppError `bad-data` if they cannot be had; the image is then left out with this reason.
   */
  load(index: number): Promise<Uint8Array>;
}

/** Some rows of an array. */
export interface ArrayBlock {
  /** Item of the first row. */
  readonly first: number;
  readonly count: number;
  /** [count, height, width, channels]: 0…255, 0…65,535 or [0, 1], as `samples` says. */
  readonly pixels: Uint8Array | Uint16Array | Float32Array;
}

/** Images as rows of arrays, all of one shape. */
export interface ArraySource extends SourceBase {
  readonly form: 'array';
  readonly shape: ImageShape;
  readonly samples: 'u8' | 'u16' | 'f32';
  /**
   * All rows from an item on, in order, in blocks of some megabytes at most.
   * @throws AppError `bad-data` that names the file and says where it is wrong.
   */
  blocks(from: number): AsyncIterable<ArrayBlock>;
}

export type DataSource = EncodedSource | ArraySource;

/** A layout of images and labels on disk. */
export interface DataFormat {
  readonly name: DatasetFormat;
  /** Whether the tree looks like it. Looks at names, and at the first bytes of a few files at most. */
  fits(tree: FileTree): Promise<boolean>;
  /** @throws AppError `bad-data` or `invalid-input` that names the file and says what was expected. */
  open(tree: FileTree, plan: ImportPlan): Promise<DataSource>;
}
