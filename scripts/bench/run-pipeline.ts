import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runChild } from './child.ts';
import type { BenchOptions } from './options.ts';
import { randomPixels, writePacked } from './packed-set.ts';
import type { PipelineCost, PipelineOrder } from './pipeline.ts';
import { short } from './print.ts';
import type { FigureResult, Verdict } from './results.ts';
import { NETWORKS, type NetworkKey, type PipelineWork } from './works.ts';

const IMAGES = 1024;
const MOST = 0.05;
const SECONDS = { quick: 2, full: 4 } as const;
const CASES: readonly (readonly [network: NetworkKey, attackSteps: number])[] = [
  ['mnist', 0],
  ['mnist', 10],
  ['resnet20', 0],
  ['resnet20', 10],
  ['resnet50', 0],
  ['resnet50', 10],
];

/** What reading, augmenting and starting batches costs beside the training steps that they are for. */
export async function runPipeline(work: PipelineWork, options: BenchOptions): Promise<FigureResult> {
  const rows: string[][] = [];
  const verdicts: Verdict[] = [];
  for (const [key, attackSteps] of CASES) {
    if (options.extent === 'quick' && key === 'resnet50') continue;
    const { network, batch } = NETWORKS[key];
    const scratch = join(options.scratch, `${work.name}-${key}-${attackSteps}`);
    const [dataset, folder] = [join(scratch, 'data'), join(scratch, 'run')];
    await writePacked(dataset, network, randomPixels(network, IMAGES), 'train');
    await mkdir(folder, { recursive: true });
    const order: PipelineOrder = {
      engine: options.enginePack === null ? 'wasm' : 'tensorflow',
      network,
      batch,
      threads: options.threads,
      enginePack: options.enginePack,
      dataset,
      folder,
      attackSteps,
      seconds: SECONDS[options.extent],
    };
    // The program writes what its type says: both are parts of this one.
    const { prepare, step, wait } = JSON.parse(await runChild('pipeline.ts', order)) as PipelineCost;
    const name = `${network.architecture}, batch ${batch}, ${attackSteps > 0 ? `PGD-${attackSteps} inside` : 'natural'}`;
    const share = wait / step;
    rows.push([name, ...[step, prepare, wait].map(milliseconds), percent(prepare / step), percent(share)]);
    verdicts.push({
      what: `${name}: wait for data ÷ training step`,
      value: 100 * share,
      unit: '%',
      target: `≤ ${100 * MOST} %`,
      met: share <= MOST,
      byCpu: null,
      disturbed: false,
    });
  }
  return {
    kind: 'figures',
    name: work.name,
    title: work.title,
    head: ['training', 'step ms', 'prepared in CPU ms', 'wait ms', 'prepared ÷ step', 'wait ÷ step'],
    rows,
    verdicts,
    notes: [
      'Mirrored, cropped with a padding of 4, a cut-out of 8 pixels, bounds and start of the inner attack, all in another thread; the wait includes handing the batch to the engine.',
    ],
  };
}

const milliseconds = (seconds: number): string => short(1000 * seconds);
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
