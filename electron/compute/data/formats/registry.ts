import type { DataFormat } from '../data-source.ts';
import { idx } from './idx.ts';
import { mat } from './mat.ts';
import { npy } from './npy.ts';
import { npz } from './npz.ts';

/** Every layout that can be imported, in the order in which they are tried: the most particular first. */
export const DATA_FORMATS: readonly DataFormat[] = [idx, npz, npy, mat];
