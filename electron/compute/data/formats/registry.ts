import type { DataFormat } from '../data-source.ts';
import { cifar } from './cifar.ts';
import { cifarPython } from './cifar-python.ts';
import { idx } from './idx.ts';
import { mat } from './mat.ts';
import { npy } from './npy.ts';
import { npz } from './npz.ts';
import { parquet } from './parquet.ts';
import { stl10 } from './stl10.ts';

/** Every layout that can be imported, in the order in which they are tried: the most particular first. */
export const DATA_FORMATS: readonly DataFormat[] = [idx, cifar, cifarPython, stl10, npz, npy, mat, parquet];
