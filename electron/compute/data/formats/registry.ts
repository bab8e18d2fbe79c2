import type { DataFormat } from '../data-source.ts';
import { cifar } from './cifar.ts';
import { cifarPython } from './cifar-python.ts';
import { flowers17 } from './flowers17.ts';
import { folder } from './folder.ts';
import { idx } from './idx.ts';
import { manifest } from './manifest.ts';
import { mat } from './mat.ts';
import { npy } from './npy.ts';
import { npz } from './npz.ts';
import { parquet } from './parquet.ts';
import { stl10 } from './stl10.ts';
import { tinyImagenet } from './tiny-imagenet.ts';
import { webdataset } from './webdataset.ts';

/** Every layout that can be imported, in the order in which they are tried: the most particular first. */
export const DATA_FORMATS: readonly DataFormat[] = [
  idx,
  cifar,
  cifarPython,
  stl10,
  tinyImagenet,
  flowers17,
  webdataset,
  npz,
  npy,
  mat,
  parquet,
  manifest,
  folder,
];
