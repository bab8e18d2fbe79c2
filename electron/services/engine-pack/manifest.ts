import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { packVariant } from '../../../shared/domain/engine.ts';

export const MANIFEST = 'manifest.json';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const source = z.object({ requirement: z.string(), sha256: sha256.optional() });
const packFile = z
  .object({ path: z.string(), bytes: z.int().min(0), sha256, executable: z.literal(true).optional() })
  .readonly();
export type PackFile = z.infer<typeof packFile>;

/** What lies in a pack's folder and where it came from. Written last, so a folder without one is not a pack. */
export const packManifest = z
  .object({
    format: z.literal(1),
    engine: z.literal('tensorflow'),
    variant: packVariant.default('cpu'),
    version: z.string(),
    platform: z.string(),
    /** The wheel with TensorFlow itself, and the others. */
    source,
    parts: z.array(source).default([]),
    addon: z.object({
      package: z.string(),
      version: z.string(),
      napi: z.int(),
      compiler: z.string(),
      /** Where it lies in the pack; left out: beside the manifest. */
      path: z.string().optional(),
    }),
    licences: z.array(z.string()),
    files: z.array(packFile).readonly(),
    /** Time of assembly, ISO 8601. */
    built: z.string(),
  })
  .readonly();
export type PackManifest = z.infer<typeof packManifest>;

export type ManifestReading =
  | { readonly state: 'missing' }
  | { readonly state: 'unreadable'; readonly reason: string }
  | { readonly state: 'read'; readonly manifest: PackManifest };

/** Reads a pack's manifest; a damaged one is a finding, not an error. */
export async function readManifest(folder: string): Promise<ManifestReading> {
  let text: string;
  try {
    text = await readFile(join(folder, MANIFEST), 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { state: 'missing' };
    return { state: 'unreadable', reason: `its ${MANIFEST} cannot be read (${code ?? String(error)})` };
  }
  try {
    return { state: 'read', manifest: packManifest.parse(JSON.parse(text)) };
  } catch {
    return { state: 'unreadable', reason: `its ${MANIFEST} is damaged` };
  }
}
