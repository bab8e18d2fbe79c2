import type { EvaluationResult, TargetResult } from '../../../shared/domain/evaluation.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import type { EvaluationRow } from '../../../shared/domain/library.ts';
import { formatNpz } from '../../compute/arrays/npz.ts';
import { adversarialNpz } from '../adversarial-npz.ts';
import type { Library } from '../library.ts';

/** A number that the library holds of a model, and the archive with the images behind it. */
interface Claim {
  readonly file: string;
  readonly title: string;
  readonly evaluation: string;
  readonly attack: string;
  readonly settings: EvaluationResult['settings'];
  readonly norm: string;
  readonly epsilon: number;
  readonly threat: TargetResult['threat'];
  readonly goal: string;
  readonly examples: number;
  readonly cleanAccuracy: number;
  readonly robustAccuracy: number;
}

export interface Claims {
  readonly claims: readonly Claim[];
  /** By file name: `images.npz` with the images that any claim is about, and one archive for each claim. */
  readonly archives: ReadonlyMap<string, Uint8Array>;
}

/** Without a finished evaluation: so many images of the test split, for the script's own attacks. */
const PLAIN_IMAGES = 500;

/** Everything that finished evaluations say of a model. */
export async function claimsOf(library: Library, id: EntityId): Promise<Claims> {
  const { resolveAttack } = await import('../../compute/attacks/registry.ts');
  const archives = new Map<string, Uint8Array>();
  const claims: Claim[] = [];
  const indices = new Set<number>();
  const { dataset } = library.models.get(id);
  for (const { row, result, target } of finished(library.snapshot().evaluations, id)) {
    if (row.request.dataset !== dataset) continue;
    const { plan, label } = resolveAttack(row.request.attack);
    const file = `claim-${claims.length + 1}.npz`;
    archives.set(file, await adversarialNpz(library, row.id, id));
    result.indices.forEach((index) => indices.add(index));
    claims.push({
      file,
      title: label,
      evaluation: row.id,
      attack: row.request.attack.name,
      settings: result.settings,
      norm: plan.norm,
      epsilon: plan.epsilon,
      threat: target.threat,
      goal: row.request.goal,
      examples: target.examples,
      cleanAccuracy: target.cleanAccuracy,
      robustAccuracy: target.robustAccuracy,
    });
  }
  if (dataset !== null) archives.set('images.npz', await imagesOf(library, dataset, [...indices]));
  return { claims, archives };
}

function finished(rows: readonly EvaluationRow[], id: EntityId) {
  return rows.flatMap((row) => {
    const target = row.result?.targets.find(({ model }) => model === id);
    return row.result && target ? [{ row, result: row.result, target }] : [];
  });
}

/** Images and labels at these positions, or the first ones of the test split. */
async function imagesOf(library: Library, dataset: EntityId, wanted: readonly number[]): Promise<Uint8Array> {
  const { openPacked } = await import('../../compute/data/packed.ts');
  const packed = await openPacked(library.datasets.folder(dataset));
  try {
    const positions =
      wanted.length > 0 ? wanted.toSorted((a, b) => a - b) : packed.positions('test').slice(0, PLAIN_IMAGES);
    const shape = [positions.length, ...packed.manifest.shape];
    const labels = Int32Array.from(positions, (position) => packed.labels[position] ?? 0);
    return formatNpz(
      {
        images_u8: { dtype: 'u8', shape, data: packed.readBytes(positions) },
        labels: { dtype: 'i32', shape: [positions.length], data: labels },
        indices: { dtype: 'i32', shape: [positions.length], data: Int32Array.from(positions) },
      },
      true,
    );
  } finally {
    packed.close();
  }
}
