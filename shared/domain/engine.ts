import { z } from 'zod';

export const ENGINE_NAMES = ['tensorflow', 'webgpu', 'wasm'] as const;
export const engineName = z.enum(ENGINE_NAMES);
export type EngineName = z.infer<typeof engineName>;

/** `auto` takes the first engine of the list that is available and passes its self-test. */
export const ENGINE_CHOICES = ['auto', ...ENGINE_NAMES] as const;
export const engineChoice = z.enum(ENGINE_CHOICES);
export type EngineChoice = z.infer<typeof engineChoice>;

/** The engine that computed something, kept with every result. */
export const engineInfo = z.object({
  name: engineName,
  /** Library behind it, such as `libtensorflow 2.20.0` or `tfjs-backend-wasm 4.22.0 (SIMD)`. */
  version: z.string(),
  /** `CPU, 2 threads`, or the name of a graphics card. */
  device: z.string(),
  threads: z.int().min(1),
  deterministic: z.boolean(),
});
export type EngineInfo = z.infer<typeof engineInfo>;

export const engineReport = z.object({
  name: engineName,
  available: z.boolean(),
  device: z.string().nullable(),
  version: z.string().nullable(),
  /** 64×16×16×64→64 3×3 convolution, billions of floating-point operations a second; null until measured. */
  gflops: z.number().nullable(),
  /** Input-gradient throughput of mnist-cnn, batch 128, examples a second; null until measured. */
  gradientsPerSecond: z.number().nullable(),
  selfTest: z.enum(['passed', 'failed', 'not run']),
  /** Largest relative error of the self-test's gradients against the stored reference. */
  selfTestError: z.number().nullable(),
  /** Why it is not available or failed, and what to do. */
  reason: z.string().nullable(),
});
export type EngineReport = z.infer<typeof engineReport>;

/** TensorFlow's libraries come for the CPU alone, or with NVIDIA's for a GPU. Both packs may be installed at once. */
export const packVariant = z.enum(['cpu', 'cuda']);
export type PackVariant = z.infer<typeof packVariant>;

/** Where one of the tensorflow engine's packs is and whether it is whole. */
export const enginePackState = z.object({
  variant: packVariant,
  installed: z.boolean(),
  folder: z.string(),
  version: z.string().nullable(),
  bytes: z.number().nullable(),
  reason: z.string().nullable(),
});
export type EnginePackState = z.infer<typeof enginePackState>;
