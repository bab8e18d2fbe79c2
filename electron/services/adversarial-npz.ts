import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import type { ExampleRecord } from '../../shared/domain/evaluation.ts';
import type { EntityId } from '../../shared/domain/ids.ts';
import { formatNpy } from '../compute/arrays/npy.ts';
import type { Library } from './library.ts';

/**
 * Adversarial examples of one target of a finished evaluation as one NPZ, see docs/adversarial-sets.md: `adversarial`
 * float32 [n, H, W, C], `labels`, `indices`, logits before and after, settings as JSON bytes. `success` is true where an
 * example is broken, `attacked` where it was attacked at all, `survives_8bit` where x' still breaks it as 8 bits.
 */
export async function adversarialNpz(library: Library, id: EntityId, model: EntityId): Promise<Uint8Array> {
  const folder = join(library.evaluations.folder(id), model);
  const query = { evaluation: id, model, show: 'all', sort: 'index', descending: false, limit: 1000 } as const;
  const all: ExampleRecord[] = [];
  for (;;) {
    const page = library.evaluations.examples({ ...query, offset: all.length });
    all.push(...page.examples);
    if (page.examples.length === 0 || all.length >= page.total) break;
  }
  const records = all.sort((a, b) => a.row - b.row);
  const { request, result } = library.evaluations.get(id);
  const { manifest } = library.datasets.get(request.dataset);
  const settings = new TextEncoder().encode(
    JSON.stringify({
      attack: request.attack.name,
      ...result?.settings,
      goal: request.goal,
      seed: request.seed,
      engine: result?.engine,
      model: library.models.get(model).name,
      dataset: { name: manifest.name, sha256: manifest.hash, split: request.examples.split },
      classes: manifest.classes,
    }),
  );
  const npy = async (name: string): Promise<Uint8Array> => readFile(join(folder, `${name}.npy`));
  const shape = [records.length];
  return zipSync(
    {
      'adversarial.npy': await npy('adversarial'),
      'logits_clean.npy': await npy('logits-clean'),
      'logits_adversarial.npy': await npy('logits-adversarial'),
      'labels.npy': formatNpy({ dtype: 'i32', shape, data: Int32Array.from(records, ({ label }) => label) }),
      'indices.npy': formatNpy({ dtype: 'i32', shape, data: Int32Array.from(records, ({ index }) => index) }),
      'success.npy': formatNpy({
        dtype: 'bool',
        shape,
        data: Uint8Array.from(records, ({ broken }) => Number(broken)),
      }),
      'attacked.npy': formatNpy({
        dtype: 'bool',
        shape,
        data: Uint8Array.from(records, ({ attacked }) => Number(attacked)),
      }),
      'survives_8bit.npy': formatNpy({
        dtype: 'bool',
        shape,
        data: Uint8Array.from(records, ({ survives8Bit }) => Number(survives8Bit === true)),
      }),
      'settings.npy': formatNpy({ dtype: 'u8', shape: [settings.length], data: settings }),
    },
    { level: 6 },
  );
}
