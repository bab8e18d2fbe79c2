import type { DataFormat } from '../data-source.ts';
import { idx } from './idx.ts';

/** Every layout that can be imported, in the order in which they are tried: the most particular first. */
export const DATA_FORMATS: readonly DataFormat[] = [idx];
