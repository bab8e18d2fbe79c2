import { AppError } from '../../../shared/domain/errors.ts';
import { weight, type Network, type Weights } from './layer.ts';

/** Architecture of several networks that answer as one. */
export const ENSEMBLE = 'ensemble';

/**
 * Several networks as one whose logits are the mean of theirs: a source of adversarial examples that transfer better
 * (Liu et al. 2017, arXiv 1611.02770, section 4; of logits: Dong et al. 2018, arXiv 1710.06081, section 3.4). It has no
 * layers to look at and cannot be trained.
 * @throws AppError `wrong-architecture` unless all take images of one size and know as many classes; `unsupported` for a
 *   member of which there is a forward pass alone.
 */
export function ensembleNetwork(members: readonly Network[]): Network {
  const [first] = members;
  if (!first) throw new AppError('invalid-input', 'An ensemble needs at least one model.');
  for (const member of members) {
    const [expected, found] = [first, member].map(
      ({ inputShape, classes }) => `${inputShape.join('×')}, ${classes} classes`,
    );
    if (expected !== found) {
      throw new AppError(
        'wrong-architecture',
        `The models of an ensemble must take the same images: one takes ${expected}, another ${found}.`,
        { details: { field: 'ensemble', expected: expected ?? '', found: found ?? '' } },
      );
    }
    if (member.layers.length === 0) {
      throw new AppError(
        'unsupported',
        `A model in the format ${member.architecture} cannot be part of an ensemble: there is no gradient through it.`,
        { details: { field: 'ensemble', found: member.architecture } },
      );
    }
  }
  return {
    architecture: ENSEMBLE,
    settings: {},
    inputShape: first.inputShape,
    classes: first.classes,
    normalised: false,
    frozen: true,
    held: [],
    members,
    layers: [],
    parameters: members.flatMap((member, position) =>
      member.parameters.map((parameter) => ({ ...parameter, name: nameIn(position, parameter.name) })),
    ),
    taps: [],
  };
}

/** Networks with their weights as one. Shares the tensors. */
export function ensembleOf(members: readonly { readonly network: Network; readonly weights: Weights }[]): {
  readonly network: Network;
  readonly weights: Weights;
} {
  const network = ensembleNetwork(members.map((member) => member.network));
  const weights = members.flatMap(({ network: own, weights: values }, position) =>
    own.parameters.map(({ name }) => [nameIn(position, name), weight(values, name)] as const),
  );
  return { network, weights: Object.fromEntries(weights) };
}

/** The weights of one member among those of the ensemble. Shares the tensors. */
export function memberWeights(member: Network, position: number, weights: Weights): Weights {
  return Object.fromEntries(member.parameters.map(({ name }) => [name, weight(weights, nameIn(position, name))]));
}

function nameIn(position: number, name: string): string {
  return `${position}/${name}`;
}
