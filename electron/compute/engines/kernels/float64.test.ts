import { expect, it } from 'vitest';
import { buildNetwork } from '../../models/network.ts';
import { stream } from '../../random/stream.ts';
import { grid, networkGradients, type Grid } from './float64.ts';

/** Values of each gradient that are checked. */
const SAMPLES = 4;

it.each(['small-cnn', 'lenet'] as const)('the reference gradients of %s are finite differences', (architecture) => {
  const side = architecture === 'lenet' ? 16 : 8;
  const network = buildNetwork(architecture, [side, side, 2], 3);
  const source = stream(3, architecture);
  const values = (shape: readonly number[], scale: number): Grid => {
    const made = grid(shape);
    made.data.forEach((_, index) => (made.data[index] = source.normal() * scale));
    return made;
  };
  const weights = Object.fromEntries(network.parameters.map(({ name, shape }) => [name, values(shape, 0.2)]));
  const images = values([1, side, side, 2], 1);
  const labels = [2];
  const loss = (): number => {
    const { logits } = networkGradients(network, weights, images, labels);
    return labels.reduce((sum, label, row) => {
      const z = [...logits.data.subarray(row * 3, row * 3 + 3)];
      return sum + Math.log(z.reduce((total, value) => total + Math.exp(value), 0)) - (z[label] ?? 0);
    }, 0);
  };
  const { gradients } = networkGradients(network, weights, images, labels);
  for (const [name, variable] of Object.entries({ ...weights, images })) {
    const step = Math.ceil(variable.data.length / SAMPLES);
    for (let index = 0; index < variable.data.length; index += step) {
      const before = variable.data[index] ?? 0;
      const h = 1e-6;
      variable.data[index] = before + h;
      const above = loss();
      variable.data[index] = before - h;
      const below = loss();
      variable.data[index] = before;
      expect(gradients[name]!.data[index]).toBeCloseTo((above - below) / (2 * h), 6);
    }
  }
});
