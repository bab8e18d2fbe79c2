import { join } from 'node:path';
import {
  architectureQuery,
  transferQuery,
  type ArchitectureAnswer,
  type ArchitectureFacts,
  type ArchitectureQuery,
  type InitialReport,
  type TrainingEstimate,
  type TransferQuery,
} from '../../shared/domain/architecture.ts';
import type { EngineReport } from '../../shared/domain/engine.ts';
import type { RunRow } from '../../shared/domain/library.ts';
import type { SettingValues } from '../../shared/domain/settings.ts';
import { speedSummary } from '../../shared/domain/speed.ts';
import type { ConfiguredDefence, Defence } from '../compute/defences/defence.ts';
import type { Store } from '../store/store.ts';
import { parseInput } from './inputs.ts';
import { startingWeights } from './starting-weights.ts';

export interface ArchitectureService {
  /**
   * The layers of an architecture at an image size, and what a training step would cost.
   * @throws AppError `invalid-input` for unknown names and settings, and for images that are too small.
   */
  describe(query: ArchitectureQuery): Promise<ArchitectureAnswer>;
  /** What a training would take from given weights. @throws AppError, see `startingWeights`. */
  transfer(query: TransferQuery): Promise<InitialReport>;
}

/** Forward passes that a forward and a backward pass are worth: by the images alone, and by the weights too. */
const INPUT_GRADIENT_PASSES = 2;
const UPDATE_PASSES = 3;
/** Finished runs looked at for a speed, newest first. */
const RUNS_LOOKED_AT = 20;

export function architectureService(
  store: Store,
  reports: () => Promise<readonly EngineReport[]>,
): ArchitectureService {
  return {
    async describe(input) {
      const query = parseInput(architectureQuery, input, 'architecture');
      const { architecture, settings, inputShape, classes, training } = query;
      const facts = await factsOf(architecture, settings, inputShape, classes);
      return { facts, estimate: training ? await estimate(store, facts, training, await reports()) : null };
    },
    async transfer(input) {
      const { buildNetwork } = await import('../compute/models/network.ts');
      const query = parseInput(transferQuery, input, 'architecture');
      const { architecture, settings, inputShape, classes, normalised, initial } = query;
      const network = buildNetwork(architecture, inputShape, classes, normalised, { settings });
      return (await startingWeights(store, initial, network)).report;
    },
  };
}

async function factsOf(
  architecture: string,
  settings: SettingValues,
  inputShape: ArchitectureFacts['inputShape'],
  classes: number,
): Promise<ArchitectureFacts> {
  const [{ buildNetwork }, { architectureFacts }, { findArchitecture }] = await Promise.all([
    import('../compute/models/network.ts'),
    import('../compute/models/cost.ts'),
    import('../compute/models/architectures.ts'),
  ]);
  const network = buildNetwork(architecture, inputShape, classes, false, { settings });
  return architectureFacts(network, findArchitecture(architecture).configure(settings).settings);
}

type Training = NonNullable<ReturnType<typeof architectureQuery.parse>['training']>;

interface Work {
  /** For each example of a batch. */
  readonly passes: number;
  /** Images that go through the network at once, for each example. */
  readonly images: number;
}

/** null for a defence that is not known here, one of the user's own, and for settings that are not complete yet. */
async function workOf(defence: string, settings: SettingValues): Promise<Work | null> {
  const { DEFENCES } = await import('../compute/defences/registry.ts');
  const found = DEFENCES.find(({ name }) => name === defence);
  const configured = found && configuredBy(found, settings);
  if (!configured) return null;
  const { inner, halves, weightPerturbation } = configured;
  const images = inner && halves === 'both' ? 2 : 1;
  const updates = weightPerturbation ? 2 : 1;
  return { images, passes: INPUT_GRADIENT_PASSES * (inner?.steps ?? 0) + UPDATE_PASSES * updates * images };
}

function configuredBy(defence: Defence, settings: SettingValues): ConfiguredDefence | null {
  try {
    return defence.configure(settings);
  } catch {
    return null;
  }
}

async function estimate(
  store: Store,
  facts: ArchitectureFacts,
  { defence, defenceSettings, batchSize, accumulation, engine }: Training,
  reports: readonly EngineReport[],
): Promise<TrainingEstimate | null> {
  const work = await workOf(defence, defenceSettings);
  if (!work) return null;
  const { passes, images } = work;
  const atOnce = Math.ceil(batchSize / accumulation) * images;
  const { trainingMemory } = await import('../compute/models/cost.ts');
  const memory = trainingMemory(facts.parameters, facts.activations, atOnce);
  const speed = await speedOf(store, facts, engine, reports);
  if (!speed) return { passes, seconds: null, basis: 'unknown', measured: null, rate: null, memory };
  const { basis, measured, operationsPerSecond } = speed;
  const seconds = (batchSize * passes * facts.operations) / operationsPerSecond;
  return { passes, seconds, basis, measured, rate: operationsPerSecond / 1e9, memory };
}

interface Speed {
  readonly basis: TrainingEstimate['basis'];
  readonly measured: string;
  readonly operationsPerSecond: number;
}

/** From a training of the same architecture and size, else from the newest one of another, else from the speed test. */
async function speedOf(
  store: Store,
  facts: ArchitectureFacts,
  engine: Training['engine'],
  reports: readonly EngineReport[],
): Promise<Speed | null> {
  const { findArchitecture } = await import('../compute/models/architectures.ts');
  const key = (architecture: string, settings: SettingValues, shape: readonly number[]): string =>
    JSON.stringify([architecture, findArchitecture(architecture).configure(settings).changed, shape]);
  const wanted = key(facts.architecture, facts.settings, facts.inputShape);
  const runs = store.runs
    .list()
    .toReversed()
    .filter((run) => run.result !== null && (engine === 'auto' || run.engine?.name === engine))
    .slice(0, RUNS_LOOKED_AT);
  let other: Speed | null = null;
  for (const run of runs) {
    const speed = await measuredSpeed(store, run).catch(() => null);
    if (!speed) continue;
    const { architecture, architectureSettings = {} } = run.config;
    if (key(architecture, architectureSettings, speed.shape) === wanted) return { ...speed, basis: 'same' };
    other ??= { ...speed, basis: 'other' };
  }
  return other ?? testedSpeed(engine, reports);
}

/** Operations a second of the steps of a finished run, as its work is counted here. */
async function measuredSpeed(
  store: Store,
  run: RunRow,
): Promise<(Omit<Speed, 'basis'> & { readonly shape: readonly number[] }) | null> {
  const { METRICS_FILE, readPoints } = await import('../compute/training/metrics.ts');
  const { config } = run;
  const manifest = store.datasets.get(config.dataset)?.manifest;
  const work = await workOf(config.defence, config.defenceSettings);
  const points = await readPoints(join(store.folder.of('run', run.id), METRICS_FILE));
  const speed = speedSummary(points.filter((point) => point.type === 'speed'));
  if (!manifest || !work || !speed) return null;
  const { shape, classes } = manifest;
  const facts = await factsOf(config.architecture, config.architectureSettings ?? {}, shape, classes.length);
  const operationsPerSecond = speed.examplesPerSecond * work.passes * facts.operations;
  return { measured: run.name, operationsPerSecond, shape };
}

/** The speed test takes input gradients of mnist-cnn. */
async function testedSpeed(engine: Training['engine'], reports: readonly EngineReport[]): Promise<Speed | null> {
  const report = reports.find(
    ({ name, gradientsPerSecond }) => gradientsPerSecond !== null && (engine === 'auto' || name === engine),
  );
  if (!report?.gradientsPerSecond) return null;
  const { operations } = await factsOf('mnist-cnn', {}, [28, 28, 1], 10);
  const operationsPerSecond = report.gradientsPerSecond * INPUT_GRADIENT_PASSES * operations;
  return { basis: 'speed-test', measured: report.name, operationsPerSecond };
}
