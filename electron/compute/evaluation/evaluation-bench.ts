import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { DatasetManifest } from '../../../shared/domain/dataset.ts';
import type { EngineName } from '../../../shared/domain/engine.ts';
import { evaluationRequest } from '../../../shared/domain/evaluation.ts';
import type { EvaluationRequestInput, EvaluationResult } from '../../../shared/domain/evaluation.ts';
import { openPacked, PACKED_FILES } from '../data/packed.ts';
import { loadEngine } from '../engines/load.ts';
import { loadFixture } from '../fixtures/peers.ts';
import type { PeerFixture } from '../fixtures/peers.ts';
import { buildNetwork, initialWeights } from '../models/network.ts';
import type { EvaluatedModel } from './check-models.ts';
import { evaluate } from './evaluate.ts';
import type { EvaluationInput } from './evaluate.ts';

const DATASET = 'dataset-00000000';

/** What tests of evaluations have in common: an engine, a data set and three models. */
export interface EvaluationBench {
  /** The peers' networks, and an untrained one of another architecture. */
  readonly nat: EvaluatedModel;
  readonly adv: EvaluatedModel;
  readonly lenet: EvaluatedModel;
  /** Their fixtures, for what peers make of them. */
  readonly peers: { readonly nat: PeerFixture; readonly adv: PeerFixture };
  /** A new folder for an evaluation. */
  folder(): Promise<string>;
  /** An evaluation, white-box on `adv` by default: five steps of PGD on 40 images. */
  run(request: Partial<EvaluationRequestInput>, given: Given): Promise<EvaluationResult>;
  dispose(): Promise<void>;
}

export interface Given extends Pick<EvaluationInput, 'carry' | 'kept' | 'partBytes' | 'saveEvery'> {
  readonly folder: string;
  readonly targets?: readonly EvaluatedModel[];
  readonly source?: EvaluatedModel | null;
  readonly control?: EvaluationInput['control'];
  readonly onPartial?: EvaluationInput['onPartial'];
}

export async function openEvaluationBench(
  name: EngineName = 'wasm',
  enginePack: string | null = null,
): Promise<EvaluationBench> {
  const engine = await loadEngine(name, { enginePack, deterministic: true });
  const peers = { nat: await loadFixture('small-nat'), adv: await loadFixture('small-adv') };
  const scratch = await mkdtemp(join(tmpdir(), 'pairlight-evaluate-'));
  await writeDataset(scratch, peers.nat);
  const dataset = await openPacked(scratch);
  const network = buildNetwork('lenet', [28, 28, 1], 10);
  const lenet = evaluatedModel('run-lenetlen', 'untrained', { network, weights: initialWeights(network, 1) });
  const adv = evaluatedModel('run-advadvad', 'robust', peers.adv);
  return {
    nat: evaluatedModel('run-natnatna', 'natural', peers.nat),
    adv,
    lenet,
    peers,
    folder: () => mkdtemp(join(scratch, 'evaluation-')),
    run: (request, { folder, targets = [adv], source = null, control, onPartial, ...rest }) =>
      evaluate({
        request: evaluationRequest.parse({
          dataset: DATASET,
          targets: targets.map((target) => target.model.id),
          source: source?.model.id ?? null,
          attack: { name: 'pgd', settings: { epsilon: 0.2, steps: 5 } },
          examples: { count: 40 },
          ...request,
        }),
        dataset,
        targets,
        source,
        engine: engine.info,
        control: control ?? { checkpoint: () => Promise.resolve(), progress: () => undefined },
        folder,
        onPartial: onPartial ?? (() => undefined),
        ...rest,
      }),
    dispose: async () => {
      dataset.close();
      peers.nat.dispose();
      peers.adv.dispose();
      tf.dispose(Object.values(lenet.weights));
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

/** A network as a model of the library: natural, of no known seed. */
export function evaluatedModel(
  id: string,
  name: string,
  { network, weights }: Pick<EvaluatedModel, 'network' | 'weights'>,
): EvaluatedModel {
  const { architecture, inputShape, classes } = network;
  const known = { defence: 'natural', seed: null };
  return { model: { id, name, architecture, inputShape, classes, ...known, weights: `${id}.npz` }, network, weights };
}

/** The peers' 256 test images: 200 as the test split, 56 for validation. */
async function writeDataset(folder: string, peer: PeerFixture): Promise<void> {
  const { examples } = peer;
  const splits = Uint8Array.from(examples.labels, (_, row) => (row < 200 ? 2 : 1));
  const manifest: DatasetManifest = {
    format: 1,
    id: DATASET,
    name: 'digits',
    images: 256,
    shape: [28, 28, 1],
    classes: Array.from({ length: 10 }, (_, digit) => String(digit)),
    splits: { train: 0, validation: 56, test: 200 },
    classCounts: Array.from({ length: 10 }, (_, digit) => examples.labels.filter((label) => label === digit).length),
    source: { kind: 'idx', paths: [], attribution: null },
    splitSeed: 0,
    hash: '0'.repeat(64),
    skipped: [],
    created: '2026-01-01T00:00:00.000Z',
  };
  await writeFile(join(folder, PACKED_FILES.images), peer.array('images_u8').data as Uint8Array);
  await writeFile(join(folder, PACKED_FILES.labels), new Uint8Array(Uint16Array.from(examples.labels).buffer));
  await writeFile(join(folder, PACKED_FILES.splits), splits);
  await writeFile(join(folder, PACKED_FILES.manifest), JSON.stringify(manifest));
}
