import { z } from 'zod';

/** Image shape [height, width, channels]; pixels are float32 in [0, 1] inside the compute code. */
export const imageShape = z.tuple([z.int().min(1), z.int().min(1), z.int().min(1)]);
export type ImageShape = z.infer<typeof imageShape>;

export const SPLITS = ['train', 'validation', 'test'] as const;
export const split = z.enum(SPLITS);
export type Split = z.infer<typeof split>;
