/** Layouts of images and labels on disk that can be imported. */
export const DATASET_FORMATS = [
  'idx',
  'folder',
  'manifest',
  'npz',
  'npy',
  'cifar',
  'cifar-python',
  'flowers17',
  'mat',
  'stl10',
  'tiny-imagenet',
  'parquet',
  'webdataset',
] as const;
export type DatasetFormat = (typeof DATASET_FORMATS)[number];
