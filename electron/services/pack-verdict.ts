import { z } from 'zod';
import type { EngineInfo, EngineReport } from '../../shared/domain/engine.ts';
import type { Store } from '../store/store.ts';
import { readManifest, type PackManifest } from './engine-pack/manifest.ts';
import { locateEnginePacks, packToUse } from './engine-pack/choose.ts';

const KEY = 'engine-pack-verdict';
const verdict = z.object({ pack: z.string(), usable: z.boolean() });

/** Names the engine pack that the tensorflow engine takes: one that replaces it, also of the same version, has another name. null: there is none. */
export async function packName(): Promise<string | null> {
  const { installed, folder } = packToUse(await locateEnginePacks());
  if (!installed) return null;
  const reading = await readManifest(folder);
  return reading.state === 'read' ? nameOf(reading.manifest) : null;
}

const nameOf = ({ variant, version, built }: PackManifest): string =>
  `${version}${variant === 'cuda' ? ' with CUDA' : ''} of ${built}`;

/** False if the pack of that name is known not to load, or to give wrong gradients: then `auto` comes to another engine. */
export function isKnownUsable(store: Store, pack: string): boolean {
  const known = verdict.safeParse(store.preferences.get(KEY));
  return !known.success || known.data.pack !== pack || known.data.usable;
}

function remember(store: Store, pack: string, usable: boolean): void {
  if (isKnownUsable(store, pack) !== usable) store.preferences.set(KEY, { pack, usable });
}

/** Keeps what a test of an engine says about the pack of that name. */
export function rememberTest(store: Store, pack: string, { name, available, selfTest, reason }: EngineReport): void {
  if (name === 'tensorflow') remember(store, pack, available && selfTest === 'passed');
  // `auto` that came to another engine tells why.
  else if (reason !== null && selfTest === 'passed') remember(store, pack, false);
}

/**
 * Keeps what a job that asked for `auto` found: another engine in place of an installed pack means that the pack failed.
 * @param note why it is this engine; null if nothing kept it from the faster one.
 */
export async function rememberJob(store: Store, { name }: EngineInfo, note: string | null): Promise<void> {
  if (name === 'tensorflow' || note === null) return;
  const pack = await packName();
  if (pack !== null) remember(store, pack, false);
}
