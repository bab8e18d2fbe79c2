import { AppError } from '../../../shared/domain/errors.ts';
import type { Layer, Network } from './layer.ts';

/**
 * @throws AppError `invalid-input` for images so small that a layer with stride 2 is left with a single position to
 *   choose from: everything from there on sees nothing of where things are.
 */
export function checkDepth({ architecture, inputShape, layers }: Network): void {
  const extents = new Map(layers.map(({ name, output }) => [name, output]));
  const first = layers.find((layer) => {
    const [height, width] = extents.get(layer.inputs[0] ?? '') ?? inputShape;
    return halves(layer) && (height === 1 || width === 1);
  });
  if (!first) return;
  const [height, width] = inputShape;
  throw new AppError(
    'invalid-input',
    `${architecture} is too deep for images of ${height}×${width}: at ${first.name} (stage ${first.stage}) a single row or column is left to halve. Take larger images, an architecture for small ones, or its setting for small images.`,
    { details: { field: 'architecture', found: `${height}×${width}` } },
  );
}

function halves(layer: Layer): boolean {
  return layer.kind === 'pool' || ('stride' in layer && layer.stride === 2 && layer.kind !== 'shortcut');
}
