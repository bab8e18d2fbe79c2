import { createHash } from 'node:crypto';
import type { ImportPlan } from '../../../../shared/domain/import-plan.ts';
import type { ChosenItems } from './chosen-items.ts';
import type { OpenedSource } from './open-source.ts';
import type { Survey } from './survey.ts';

/**
 * Names everything that decides what an import writes: the plan, the source's files with their sizes, the images that
 * are taken and what they become. An import goes on only where all of it is as it was.
 */
export function fingerprintOf(
  { tree, source }: OpenedSource,
  plan: ImportPlan,
  chosen: ChosenItems,
  { target }: Survey,
): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([plan, target, source.kind, source.classes, chosen.classes]));
  for (const { path, bytes } of tree.files) hash.update(`${path}\n${bytes}\n`);
  hash.update(new Uint8Array(chosen.items.buffer, chosen.items.byteOffset, chosen.items.byteLength));
  hash.update(new Uint8Array(chosen.labels.buffer, chosen.labels.byteOffset, chosen.labels.byteLength));
  return hash.digest('hex');
}
