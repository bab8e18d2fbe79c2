import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineInfo } from '../../../shared/domain/engine.ts';
import type { EvaluationRequest, EvaluationResult, TargetResult, Threat } from '../../../shared/domain/evaluation.ts';
import { imageSize } from '../attacks/base/examples.ts';
import { requireAccess } from '../attacks/base/access.ts';
import type { Examples } from '../attacks/base/examples.ts';
import { roundsOf } from '../attacks/base/goals.ts';
import type { AttackLimits } from '../attacks/base/limits.ts';
import type { AttackOptions } from '../attacks/options.ts';
import type { Outcome } from '../attacks/base/outcome.ts';
import { workOf } from '../attacks/plan.ts';
import { attackNotes, resolveAttack } from '../attacks/registry.ts';
import type { ResolvedAttack } from '../attacks/registry.ts';
import { attackTransfer } from '../attacks/base/transfer.ts';
import { attackWhiteBox } from '../attacks/base/white-box.ts';
import { readExamples } from '../data/examples.ts';
import type { PackedDataset } from '../data/packed.ts';
import { ensembleOf } from '../models/ensemble.ts';
import type { Control } from '../jobs/control.ts';
import { carriedOf, carriedOrigins } from './carried.ts';
import type { CarriedOrigins, CarrySource } from './carried.ts';
import { checkModels } from './check-models.ts';
import type { EvaluatedModel } from './check-models.ts';
import { choosePositions } from './choose.ts';
import { targetFiles } from './files.ts';
import type { TargetFiles } from './files.ts';
import { KEPT_FOLDER, openKept, sourceHash } from './kept.ts';
import type { OpenKept } from './kept.ts';
import { pieceOf, targetResultOf } from './results.ts';
import type { Piece } from './results.ts';
import { sourceNotes } from './source-notes.ts';
import { watchSpeed } from './speed.ts';
import { openState, stateHash } from './state.ts';

export interface EvaluationInput {
  readonly request: EvaluationRequest;
  readonly dataset: PackedDataset;
  /** In the order of the request. Their weights stay the caller's. */
  readonly targets: readonly EvaluatedModel[];
  /** null: white-box. */
  readonly source: EvaluatedModel | null;
  /** Further sources: x' is made on the mean of their logits and the source's. */
  readonly ensemble?: readonly EvaluatedModel[];
  /** Earlier evaluations whose successes count here; what they broke is not attacked again. */
  readonly carry?: readonly CarrySource[];
  /** Folders of earlier transfers: adversarial examples that they made from the same source in the same way are used. */
  readonly kept?: readonly string[];
  /** The engine that is loaded, for the record. */
  readonly engine: EngineInfo;
  readonly control: Pick<Control, 'checkpoint' | 'progress'>;
  /** Existing folder; each target gets a folder of its model's id inside. */
  readonly folder: string;
  /** Called after every restart with the results so far. */
  readonly onPartial: (targets: readonly TargetResult[]) => void;
  /** Pixels of one part of the data, as bytes of float32: only one part is in memory at a time. 32 MiB by default. */
  readonly partBytes?: number;
  /** How often it saves how far it is, in milliseconds; see `openState`. */
  readonly saveEvery?: number;
}

/** About this many bytes of float32 pixels are attacked together. An attack needs some five times that. */
const PART_BYTES = 32 * 2 ** 20;

/** A part of the work: some examples against one target, or, in a transfer, against all of them. */
interface Part {
  readonly name: string;
  readonly firstRow: number;
  readonly positions: Uint32Array;
  readonly targets: readonly number[];
  readonly last: boolean;
}

/**
 * Attacks every target and judges the outcome. White-box: each target is attacked on itself. Transfer: x' is made once
 * for each start on the source and judged on all targets; gray-box if the architectures are the same (of all
 * sources), else black-box.
 * The examples are read and attacked part by part, which changes no number. What has been done is saved in `folder` now
 * and then, and before a pause or a cancellation takes effect: another call with the same input goes on from there, and
 * ends at the same numbers. Where there is nothing to go on from, no half-written results stay in `folder`.
 * @throws AppError `invalid-input` for bad settings or an empty split, `source-is-target`, `wrong-architecture`,
 *   `cancelled`, and the errors of writing.
 */
export async function evaluate(input: EvaluationInput): Promise<EvaluationResult> {
  const { request, dataset, targets, folder, engine } = input;
  const sources = input.source ? [input.source, ...(input.ensemble ?? [])] : [];
  const started = performance.now();
  const attack = resolveAttack(request.attack);
  const { plan } = attack;
  const starts = plan.restarts * roundsOf(request.goal, dataset.manifest.classes.length);
  for (const source of sources.length > 0 ? sources : [null]) await checkModels(dataset.manifest, targets, source);
  for (const { model } of sources.length > 0 ? sources : targets) requireAccess(model, plan);
  const positions = choosePositions(dataset, request.examples);
  const parts = partsOf(positions, input);
  const origins = await Promise.all(targets.map(({ model }) => carriedOrigins(input.carry ?? [], model.id)));
  const work = createMeter(input.control, attack);
  const secondsSoFar = (): number => (performance.now() - started) / 1000;
  const { name: _, batchSize: __, ...decisive } = request;
  const { version, device, deterministic } = engine;
  const state = await openState(
    folder,
    stateHash([
      decisive,
      dataset.manifest.hash,
      parts.map(({ name }) => name),
      engine.name,
      version,
      device,
      deterministic,
    ]),
    parts.map(({ name }) => name),
    () => ({ work: work.done - work.earlier, seconds: secondsSoFar() }),
    input.saveEvery,
  );
  work.resume(state.earlier.work);
  const kept = sources.length === 0 ? null : await keptOf(input, sources, attack);
  const watch = watchSpeed({
    checkpoint: (beforeStop) =>
      input.control.checkpoint(async () => {
        await beforeStop?.();
        await state.flush();
      }),
    progress: (now) => input.control.progress(now),
  });
  const { control } = watch;
  const remarks = new Set(
    targets.flatMap((target) => sources.flatMap((source) => sourceNotes(source.model, target.model))),
  );
  const pieces = targets.map((): Piece[] => []);
  const files = new Map<number, TargetFiles>();
  const threatOf = (target: EvaluatedModel): Threat => {
    if (sources.length === 0) return 'white-box';
    return sources.every(({ model }) => model.architecture === target.model.architecture) ? 'gray-box' : 'black-box';
  };
  /** Results of all targets that there is something of, with pieces that are not finished yet. */
  const resultsWith = (running: ReadonlyMap<number, Piece>, final: boolean): TargetResult[] =>
    targets.flatMap((target, position) => {
      const more = running.get(position);
      const all = [...(pieces[position] ?? []), ...(more ? [more] : [])];
      return all.length === 0 ? [] : [targetResultOf(target.model.id, threatOf(target), all, plan, final)];
    });

  const attackPart = async (part: Part, later: number): Promise<readonly string[]> => {
    const examples = readExamples(dataset, part.positions);
    const own = part.targets.flatMap((position) => targets[position] ?? []);
    const carried = await Promise.all(
      part.targets.map((position) => carriedOf(origins[position] ?? NOTHING, examples)),
    );
    const pieceAt = (outcome: Outcome, at: number): Piece =>
      pieceOf(outcome, examples, plan, part.firstRow, carried[at]?.records ?? new Map());
    const options: AttackOptions = {
      examples,
      plan,
      goal: request.goal,
      ...(request.limits && { limits: shareOf(request.limits, part.positions.length / positions.length) }),
      seed: request.seed,
      batchSize: request.batchSize,
      includeMisclassified: request.includeMisclassified,
      control,
      journal: state.journal(part.name, (outcomes) => outcomes.forEach((outcome, at) => carried[at]?.settle(outcome))),
      ...(kept && { kept }),
      onWork: (done, left) => work.add(done, left + later, messageOf(sources, own)),
      onRestart: (outcomes) => {
        watch.look();
        const running = outcomes.map((outcome, at) => [part.targets[at] ?? 0, pieceAt(outcome, at)] as const);
        input.onPartial(resultsWith(new Map(running), false));
      },
    };
    const outcomes = await watch.attacking(() => attackOf(sources, own, options));
    await watch.writing(async () => {
      for (const [at, outcome] of outcomes.entries()) {
        const position = part.targets[at] ?? 0;
        const target = own[at];
        if (!target) continue;
        const into = files.get(position) ?? (await openFiles(folder, target, positions.length, examples, outcome));
        files.set(position, into);
        const { adversarial, cleanLogits, logits } = outcome;
        await into.write(part.firstRow, { adversarial, logitsClean: cleanLogits, logitsAdversarial: logits });
        pieces[position]?.push(pieceAt(outcome, at));
      }
    });
    return outcomes.flatMap(({ notes }) => notes);
  };

  try {
    for (const [at, part] of parts.entries()) {
      const known = state.finished(part.name);
      if (known) {
        part.targets.forEach((position, place) => pieces[position]?.push(...known.pieces.slice(place, place + 1)));
        known.notes.forEach((note) => remarks.add(note));
        for (const position of part.targets) {
          const target = targets[position];
          if (target) files.set(position, await reopenFiles(folder, target, positions.length, dataset));
        }
      } else {
        const before = pieces.map(({ length }) => length);
        const later = parts.slice(at + 1).reduce((sum, { positions: { length } }) => sum + length, 0);
        const notes = await attackPart(part, later * starts * workOf(plan));
        notes.forEach((note) => remarks.add(note));
        if (at < parts.length - 1) {
          const done = part.targets.flatMap((position) => pieces[position]?.slice(before[position]) ?? []);
          await state.finish(part.name, { pieces: done, notes });
        }
      }
      if (!part.last) continue;
      for (const position of part.targets) {
        await files.get(position)?.finish((pieces[position] ?? []).flatMap(({ records }) => records));
      }
    }
    await state.clear();
  } catch (error) {
    await state.flush().catch(() => undefined);
    if (!state.saved()) {
      const names = [...targets.map(({ model }) => model.id), KEPT_FOLDER];
      await Promise.all(names.map((name) => rm(join(folder, name), { recursive: true, force: true })));
    }
    throw error;
  }
  work.finish();
  const results = resultsWith(new Map(), true);
  return {
    targets: results,
    indices: Array.from(positions),
    settings: attack.settings,
    notes: [
      ...attackNotes(attack, dataset.manifest.classes.length),
      ...(state.putAway ? [BEGUN_ANEW] : []),
      ...remarks,
      ...(kept?.hasOthers(positions)
        ? [
            'Adversarial examples that an earlier evaluation had made on the same source in the same way were used again.',
          ]
        : []),
      ...resultNotes(request, results, positions.length),
    ],
    engine,
    seconds: state.earlier.seconds + secondsSoFar(),
    speed: watch.result(work.unit, work.done - work.earlier),
  };
}

const NOTHING: CarriedOrigins = new Map();

const BEGUN_ANEW =
  'This evaluation began anew: what was saved when it stopped came from another version of Pairlight or another engine, or could not be read.';

/** Adversarial examples by all that they follow from: sources, attack, goal, seed, data, engine and version. */
async function keptOf(
  { request, dataset, folder, engine, kept = [] }: EvaluationInput,
  sources: readonly EvaluatedModel[],
  { attack, settings }: ResolvedAttack,
): Promise<OpenKept> {
  const hashes = await Promise.all(sources.map((source) => sourceHash(source, source.model.id)));
  const { goal, seed } = request;
  const { name, version, device, deterministic } = engine;
  const making = [hashes, attack.name, request.attack.module ?? null, settings, goal, seed, dataset.manifest.hash];
  return openKept(folder, kept, stateHash([...making, name, version, device, deterministic]), dataset.manifest.shape);
}

/** A part's share of the time; what one example may cost is the same in all parts. */
function shareOf({ seconds, work }: AttackLimits, share: number): AttackLimits {
  return { seconds: seconds === null ? null : seconds * share, work };
}

function messageOf(sources: readonly EvaluatedModel[], [target]: readonly EvaluatedModel[]): string {
  if (sources.length === 0) return `on ${target?.model.name ?? ''}`;
  return `from ${sources.map(({ model }) => model.name).join(' + ')}`;
}

async function attackOf(
  sources: readonly EvaluatedModel[],
  targets: readonly EvaluatedModel[],
  options: AttackOptions,
): Promise<readonly Outcome[]> {
  const [source] = sources;
  if (source) return attackTransfer(sources.length === 1 ? source : ensembleOf(sources), targets, options);
  const outcomes: Outcome[] = [];
  for (const target of targets) outcomes.push(await attackWhiteBox(target, options));
  return outcomes;
}

/**
 * The parts in the order in which they are attacked. White-box: target by target. Each is a whole number of batches, so
 * that batches are what they would be without parts.
 */
function partsOf(
  positions: Uint32Array,
  { request, dataset, targets, source, partBytes = PART_BYTES }: EvaluationInput,
): Part[] {
  const fitting = Math.floor(partBytes / (4 * imageSize(dataset.manifest.shape)));
  const rows = Math.max(1, Math.floor(fitting / request.batchSize)) * request.batchSize;
  const every = targets.map((_, position) => position);
  return (source ? [every] : every.map((position) => [position])).flatMap((group, place) => {
    const parts: Part[] = [];
    for (let firstRow = 0; firstRow < positions.length; firstRow += rows) {
      const end = Math.min(positions.length, firstRow + rows);
      const name = `${place}-${firstRow}-${end}`;
      const last = end === positions.length;
      parts.push({ name, firstRow, positions: positions.slice(firstRow, end), targets: group, last });
    }
    return parts;
  });
}

function openFiles(
  folder: string,
  { model }: EvaluatedModel,
  rows: number,
  { shape }: Pick<Examples, 'shape'>,
  { classes }: Pick<Outcome, 'classes'>,
): Promise<TargetFiles> {
  const shapes = { adversarial: shape, logitsClean: [classes], logitsAdversarial: [classes] };
  return targetFiles(join(folder, model.id), rows, shapes);
}

function reopenFiles(
  folder: string,
  target: EvaluatedModel,
  rows: number,
  { manifest }: PackedDataset,
): Promise<TargetFiles> {
  return openFiles(folder, target, rows, manifest, { classes: target.network.classes });
}

interface Meter {
  readonly unit: string;
  /** Work done so far, and the part of it that earlier processes did. */
  readonly done: number;
  readonly earlier: number;
  resume(earlier: number): void;
  add(more: number, left: number, message: string): void;
  finish(): void;
}

/** Adds work up. The total is what is done and what may still come: it falls when examples leave early. */
function createMeter(control: Pick<Control, 'progress'>, { label, plan }: ResolvedAttack): Meter {
  const { unit } = plan.family;
  let done = 0;
  let before = 0;
  return {
    unit,
    get done() {
      return done;
    },
    get earlier() {
      return before;
    },
    resume(earlier) {
      before = earlier;
      done = earlier;
    },
    add(more, left, message) {
      done += more;
      control.progress({ done, total: done + left, unit, message: `${label} ${message}` });
    },
    finish: () => control.progress({ done: Math.max(1, done), total: Math.max(1, done), unit, message: label }),
  };
}

function resultNotes(request: EvaluationRequest, results: readonly TargetResult[], examples: number): string[] {
  const notes: string[] = [];
  if (request.examples.count !== null && request.examples.count > examples) {
    notes.push(`The ${request.examples.split} split has ${examples} images: all of them were used.`);
  }
  if (request.includeMisclassified) {
    notes.push(
      'Examples that are misclassified without an attack were attacked too; they count as failures all the same.',
    );
  }
  for (const { model, nonFiniteGradients, constraintViolations } of results) {
    if (nonFiniteGradients > 0) {
      notes.push(
        `${model}: ${nonFiniteGradients} input gradients were not finite, so the attack was weaker than it looks.`,
      );
    }
    if (constraintViolations > 0) {
      notes.push(`${model}: ${constraintViolations} candidates broke the constraint and were not counted.`);
    }
  }
  return notes;
}
