import * as tf from '@tensorflow/tfjs-core';
import { AppError } from '../../../shared/domain/errors.ts';
import { shapeSize } from '../arrays/npy.ts';
import type { NpzArrays } from '../arrays/npz.ts';
import type { Examples, Subject } from '../attacks/base/examples.ts';
import type { StartPoints } from '../attacks/base/start.ts';
import type { ConfiguredDefence } from '../defences/defence.ts';
import type { Network, Weights } from '../models/network.ts';
import { stream } from '../random/stream.ts';
import { createInnerAttacker } from './inner-attack.ts';

/** A batch, or a part of one, to make adversarial examples of. */
export interface AttackedPart {
  /** x, [rows, height, width, channels] */
  readonly images: tf.Tensor4D;
  readonly examples: Examples;
  /** Start and bounds of the inner attack. */
  readonly points: StartPoints | null;
  /** Row of the batch that is its first. */
  readonly from: number;
}

/** Where the run is. */
export interface Moment {
  /** Steps done. */
  readonly step: number;
  readonly epoch: number;
  /** Share of ε, in (0, 1]. */
  readonly share: number;
}

/** Makes a training's adversarial examples in the way of its defence. */
export interface Adversary {
  /**
   * @param rest awaited now and then; what it throws ends the attack
   * @returns x', of the images' shape, the caller's; null for defences that make none
   */
  make(weights: Weights, part: AttackedPart, moment: Moment, rest: () => Promise<void>): Promise<tf.Tensor4D | null>;
  /** Takes the direction of x' of the whole batch that a step found, and disposes of it. */
  learn(ascent: tf.Tensor4D | null, moment: Moment): void;
  /** What the next step's examples follow from, besides weights and data; for a checkpoint. */
  save(): Promise<NpzArrays>;
  readonly note: string | null;
  dispose(): void;
}

export interface AdversaryOptions {
  readonly network: Network;
  readonly defence: ConfiguredDefence;
  readonly seed: number;
  /** Examples of the largest batch. */
  readonly capacity: number;
  /** The static models of an ensemble; stay the caller's. */
  readonly members: readonly Subject[];
  /** What {@link Adversary.save} gave; empty at the start of a run. */
  readonly saved: NpzArrays;
}

/** @throws AppError `bad-data` if what was saved does not fit; `wrong-architecture` for members of other images. */
export function createAdversary(options: AdversaryOptions): Adversary {
  if (options.defence.replay) return replayed(options, options.defence.replay.epsilon);
  return options.defence.inner ? attacked(options, options.defence.inner) : NONE;
}

const NONE: Adversary = {
  make: () => Promise.resolve(null),
  learn: () => undefined,
  save: () => Promise.resolve({}),
  note: null,
  dispose: () => undefined,
};

/** x' by an attack on the network itself, or on one of the members, drawn for each step from (seed, 'source', step). */
function attacked(
  { network, defence, seed, members }: AdversaryOptions,
  inner: NonNullable<ConfiguredDefence['inner']>,
): Adversary {
  const named = defence.members?.length ?? 0;
  if (members.length !== named) {
    throw new AppError('internal', `${defence.name} names ${named} static models, and ${members.length} were loaded.`);
  }
  checkMembers(network, members);
  const own = createInnerAttacker(network, inner, seed);
  const others = members.map((member) => ({
    weights: member.weights,
    attacker: createInnerAttacker(member.network, inner, seed),
  }));
  const attackers = [own, ...others.map(({ attacker }) => attacker)];
  return {
    make(weights, { examples, points }, { step, epoch, share }, rest) {
      const other = others[stream(seed, 'source', step).integer(others.length + 1)];
      const [attacker, attackedWeights] = other ? [other.attacker, other.weights] : [own, weights];
      return attacker.run(attackedWeights, examples, share, epoch, rest, points ?? undefined);
    },
    learn: () => undefined,
    save: () => Promise.resolve({}),
    get note() {
      return attackers.find(({ note }) => note !== null)?.note ?? null;
    },
    dispose: () => {
      for (const attacker of attackers) attacker.dispose();
    },
  };
}

function checkMembers(network: Network, members: readonly Subject[]): void {
  const kindOf = ({ inputShape, classes }: Network): string => `${inputShape.join('×')}, ${classes} classes`;
  for (const { network: member } of members) {
    if (kindOf(member) === kindOf(network)) continue;
    throw new AppError(
      'wrong-architecture',
      `The static models must take the images that are trained on (${kindOf(network)}); ${member.architecture} takes ${kindOf(member)}.`,
      { details: { field: 'members', expected: kindOf(network), found: kindOf(member) } },
    );
  }
}

const PERTURBATION = 'perturbation';

/**
 * One perturbation for all batches: x' = x + δ cut to [0, 1], then δ ← δ + ε · direction, cut to ±ε (Shafahi et al. 2019,
 * arXiv 1904.12843, algorithm 1). A smaller last batch uses and moves its first rows.
 */
function replayed({ network, capacity, saved }: AdversaryOptions, epsilon: number): Adversary {
  const shape = [capacity, ...network.inputShape] as [number, number, number, number];
  let perturbation: tf.Tensor4D = initialPerturbation(shape, saved);
  return {
    make(_, { images, from }) {
      const made = tf.tidy(() => {
        const own = tf.slice4d(perturbation, [from, 0, 0, 0], [images.shape[0], -1, -1, -1]);
        return tf.minimum<tf.Tensor4D>(1, tf.maximum(0, tf.add(images, own)));
      });
      return Promise.resolve(made);
    },
    learn(ascent, { share }) {
      if (!ascent) return;
      const radius = epsilon * share;
      const next = tf.tidy(() => {
        const rows = ascent.shape[0];
        const own = tf.slice4d(perturbation, [0, 0, 0, 0], [rows, -1, -1, -1]);
        const moved = tf.add(own, tf.mul(radius, ascent));
        const cut = tf.minimum<tf.Tensor4D>(radius, tf.maximum(-radius, moved));
        return rows === capacity
          ? cut
          : tf.concat4d([cut, tf.slice4d(perturbation, [rows, 0, 0, 0], [-1, -1, -1, -1])], 0);
      });
      tf.dispose([ascent, perturbation]);
      perturbation = next;
    },
    async save() {
      const data = Float32Array.from(await perturbation.data<'float32'>());
      return { [PERTURBATION]: { dtype: 'f32', shape, data } };
    },
    note: null,
    dispose: () => perturbation.dispose(),
  };
}

function initialPerturbation(shape: [number, number, number, number], saved: NpzArrays): tf.Tensor4D {
  const kept = saved[PERTURBATION];
  if (!kept) return tf.zeros<tf.Rank.R4>(shape);
  if (!(kept.data instanceof Float32Array) || kept.data.length !== shapeSize(shape)) {
    throw new AppError('bad-data', 'The checkpoint holds a perturbation of another size.');
  }
  return tf.tensor4d(kept.data.slice(), shape);
}
