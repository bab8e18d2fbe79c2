import { runChild } from './child.ts';
import type { BenchOptions } from './options.ts';
import { short } from './print.ts';
import type { Profile, ProfileOrder } from './profile.ts';
import type { FigureResult } from './results.ts';
import { NETWORKS, type ProfileWork } from './works.ts';

/** Operations of the table; what is left is one row. */
const SHOWN = 8;
const GIGA = 1e9;

/** Where the time of a PGD step goes, and how near its convolutions come to the machine's peak. */
export async function runProfile(work: ProfileWork, options: BenchOptions): Promise<FigureResult> {
  const { network, batch } = NETWORKS[work.of];
  const order: ProfileOrder = { network, batch, threads: options.threads, enginePack: options.enginePack };
  // The program writes what its type says: both are parts of this one.
  const profile = JSON.parse(await runChild('profile.ts', order)) as Profile;
  const { name, title } = work;
  return {
    kind: 'figures',
    name,
    title,
    head: ['part', 'calls', 'ms a step', 'share', 'GFLOP/s', 'of the peak'],
    rows: [...operationRows(profile), ...layerRows(profile), ...stepRows(profile)],
    verdicts: [],
    notes: [boundNote(profile, batch)],
  };
}

function operationRows({ operations }: Profile): string[][] {
  const total = operations.reduce((sum, { seconds }) => sum + seconds, 0);
  const rest = operations.slice(SHOWN);
  const row = (name: string, calls: number, seconds: number): string[] => [
    name,
    String(calls),
    milliseconds(seconds),
    `${((100 * seconds) / total).toFixed(1)} %`,
    '',
    '',
  ];
  return [
    ...operations.slice(0, SHOWN).map(({ name, calls, seconds }) => row(`eager: ${name}`, calls, seconds)),
    row(
      `eager: ${rest.length} others`,
      rest.reduce((sum, { calls }) => sum + calls, 0),
      rest.reduce((sum, { seconds }) => sum + seconds, 0),
    ),
  ];
}

/** Layers of one shape as one row. */
function layerRows({ layers, peak }: Profile): string[][] {
  return [...new Set(layers.map(({ name }) => name))].map((name) => {
    const same = layers.filter((layer) => layer.name === name);
    const seconds = same.reduce((sum, layer) => sum + layer.seconds, 0);
    const operations = same.reduce((sum, layer) => sum + layer.operations, 0);
    return [`forward: ${name}`, String(same.length), milliseconds(seconds), '', ...rate(operations / seconds, peak)];
  });
}

function stepRows(profile: Profile): string[][] {
  const { eager, graph, peak } = profile;
  const operations = stepOperations(profile);
  return [
    ['whole step, operation by operation', '1', milliseconds(eager), '', ...rate(operations / eager, peak)],
    ['whole step, one graph', '1', milliseconds(graph), '', ...rate(operations / graph, peak)],
    ['product of two 2048×2048 matrices', '1', '', '', ...rate(peak, peak)],
  ];
}

/** An input gradient costs a forward pass and as much again backwards. */
function stepOperations({ layers }: Profile): number {
  return 2 * layers.reduce((sum, { operations }) => sum + operations, 0);
}

function boundNote(profile: Profile, batch: number): string {
  const { layers, graph, peak } = profile;
  const atTheirRate = 2 * layers.reduce((sum, { seconds }) => sum + seconds, 0);
  const atPeak = stepOperations(profile) / peak;
  const perSecond = (seconds: number): string => short(batch / seconds / 10);
  return (
    `PGD-10 examples/s: ${perSecond(graph)} as one graph; ${perSecond(atTheirRate)} if convolutions and dense layers ran, ` +
    `forwards and backwards, as fast as they do forwards by themselves, and nothing else took time; ${perSecond(atPeak)} at the machine's peak.`
  );
}

const milliseconds = (seconds: number): string => (1000 * seconds).toFixed(2);

function rate(perSecond: number, peak: number): [string, string] {
  return [short(perSecond / GIGA), `${((100 * perSecond) / peak).toFixed(0)} %`];
}
