import type { DatasetManifest } from '../../../shared/domain/dataset.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { ModelFile } from '../../../shared/domain/model.ts';
import type { Subject } from '../attacks/base/examples.ts';
import { weightList } from '../models/network.ts';

/** A loaded model, with what the library knows of it. */
export interface EvaluatedModel extends Subject {
  readonly model: ModelFile;
}

/**
 * Refuses models that do not fit the data set, and a source that is one of the targets: by id, or by its weights.
 * @throws AppError `wrong-architecture`, `source-is-target`, `invalid-input` for a target named twice.
 */
export async function checkModels(
  manifest: Pick<DatasetManifest, 'name' | 'shape' | 'classes'>,
  targets: readonly EvaluatedModel[],
  source: EvaluatedModel | null,
): Promise<void> {
  for (const subject of source ? [source, ...targets] : targets) checkFit(manifest, subject);
  const ids = targets.map(({ model }) => model.id);
  const twice = ids.find((id, position) => ids.indexOf(id) !== position);
  if (twice !== undefined) {
    throw new AppError('invalid-input', `${twice} is among the targets twice. Name every target once.`, {
      details: { field: 'targets', found: twice },
    });
  }
  if (!source) return;
  for (const target of targets) {
    if (target.model.id === source.model.id || (await sameWeights(target, source))) {
      throw new AppError(
        'source-is-target',
        `The source ${source.model.name} is the target ${target.model.name} itself. A gray-box source is a model of the same ` +
          'architecture from another seed, a black-box source one of another architecture. Choose another source, or none for a white-box attack.',
        { details: { field: 'source', source: source.model.id, target: target.model.id } },
      );
    }
  }
}

function checkFit(
  manifest: Pick<DatasetManifest, 'name' | 'shape' | 'classes'>,
  { model, network }: EvaluatedModel,
): void {
  const expected = `${manifest.shape.join('×')}, ${manifest.classes.length} classes`;
  const found = `${network.inputShape.join('×')}, ${network.classes} classes`;
  if (expected === found) return;
  throw new AppError(
    'wrong-architecture',
    `${model.name} takes images of ${found}, but ${manifest.name} has ${expected}. Choose a model that was trained on such images.`,
    { details: { model: model.id, expected, found } },
  );
}

async function sameWeights(one: EvaluatedModel, other: EvaluatedModel): Promise<boolean> {
  if (one.predictor || other.predictor) return false;
  if (one.network.architecture !== other.network.architecture) return false;
  const [mine, theirs] = [weightList(one.network, one.weights), weightList(other.network, other.weights)];
  for (const [position, tensor] of mine.entries()) {
    const [a, b] = await Promise.all([tensor.data<'float32'>(), theirs[position]?.data<'float32'>()]);
    if (!b || a.length !== b.length || a.some((value, i) => value !== b[i])) return false;
  }
  return true;
}
