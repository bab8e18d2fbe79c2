import type { SweepRecord } from '../../electron/services/sweeps/record.ts';
import type { SweepCell, SweepTableRow } from '../../electron/services/sweeps/table.ts';
import { wilsonInterval } from '../../electron/compute/statistics/wilson.ts';
import { markdownTable } from '../generated-sections.ts';
import { cellAt, readPublished, readRecord, rowName, RUNS, worstAt } from './records.ts';
import type { Published } from './records.ts';

const NOT_RUN = 'not run';

const percent = (share: number): string => (100 * share).toFixed(1);

/** `43.5 (37–50)`: mean over seeds; for one seed with its Wilson 95 % interval. */
function accuracy(cell: SweepCell | undefined): string {
  if (!cell) return NOT_RUN;
  if (cell.std !== null) return `${percent(cell.mean)} ± ${percent(cell.std)}`;
  const [low, high] = wilsonInterval(Math.round(cell.mean * cell.examples), cell.examples);
  return `${percent(cell.mean)} (${Math.round(100 * low)}–${Math.round(100 * high)})`;
}

const ratio = (cell: SweepCell | undefined): string =>
  cell ? `${cell.mean.toFixed(2)}${cell.std === null ? '' : ` ± ${cell.std.toFixed(2)}`}` : NOT_RUN;

/** The generated parts of docs/reproduction.md. */
export function sectionsOf(): Readonly<Record<string, string>> {
  const published = readPublished();
  const flowers = readRecord('17flowers', 'hour');
  const { mnist, cifar10 } = published.mosbach;
  const onMnist = (study: string, preset: string | null): string =>
    mosbachTable(study, preset, 0.3, /^PGD-40, ε 0\.3$/, mnist);
  const onCifar = (study: string, preset: string): string =>
    mosbachTable(study, preset, 0.0627, /^PGD-10, ε 0\.0627$/, cifar10);
  return {
    runs: runsTable(),
    flowers: flowers ? flowersTables(flowers) : NOT_RUN,
    headline: flowers ? headlineTable(flowers, published.flowers) : NOT_RUN,
    attention: flowers ? attentionTable(flowers) : NOT_RUN,
    mnist: onMnist('mnist', 'hour'),
    cifar10: onCifar('cifar10', 'hour'),
    masking: onMnist('mnist-masking', null),
    'mnist-seeds': onMnist('mnist-pairing', 'seeds'),
    'mnist-images': onMnist('mnist-pairing', 'images'),
    'cifar10-seeds': onCifar('cifar10-pairing', 'seeds'),
    'cifar10-images': onCifar('cifar10-pairing', 'images'),
    'pgd-at': pgdAtTable(),
  };
}

function runsTable(): string {
  const head = ['study', 'preset', 'trainings', 'data', 'images under attack', 'hours of computing', 'on', 'date'];
  return markdownTable(
    head,
    RUNS.map(({ study, preset }) => {
      const record = readRecord(study, preset);
      const name = [study, preset ?? ''];
      if (!record) return [...name, NOT_RUN, ...head.slice(3).map(() => '')];
      const { trainings, evaluations, galleries, dataset, table } = record;
      const jobs = [...trainings, ...trainings.flatMap(({ check }) => check ?? []), ...evaluations, ...galleries];
      const hours = jobs.reduce((sum, { seconds }) => sum + (seconds ?? 0), 0) / 3600;
      const engines = jobs.flatMap(({ engine }) => (engine ? [`${engine.name} ${engine.version}`] : []));
      const cells = table.rows.flatMap(({ cells: own }) => Object.values(own));
      return [
        ...name,
        String(trainings.length),
        `${dataset.name}, ${dataset.shape.join('×')}, ${trainingImages(record)} for training`,
        [...new Set(cells.map(({ examples }) => examples))].sort((a, b) => b - a)[0]?.toString() ?? '',
        hours.toFixed(1),
        [...new Set(engines)].join(', '),
        record.sweep.created.slice(0, 10),
      ];
    }),
  );
}

function trainingImages({ dataset, request }: SweepRecord): number {
  const limit = request.base?.['trainLimit'];
  return typeof limit === 'number' ? Math.min(limit, dataset.splits.train) : dataset.splits.train;
}

/** One table for each ε of the study. */
function flowersTables(record: SweepRecord): string {
  const epsilons = record.request.evaluate?.epsilons ?? [];
  return epsilons
    .map((epsilon) => {
      const at = `ε ${String(epsilon).replace('.', '\\.')}`;
      const columns: readonly (readonly [string, RegExp])[] = [
        ...[10, 50, 100, 200].map((steps) => [`white-box PGD-${steps}`, new RegExp(`^PGD-${steps}, ${at}$`)] as const),
        ['gray-box PGD-200', new RegExp(`^PGD-200, ${at} from gray-box$`)],
        ['black-box PGD-200', new RegExp(`^PGD-200, ${at} from black-box$`)],
        ['worst case', new RegExp(`^worst case, ${at}$`)],
      ];
      const rows = record.table.rows.map((row) => [
        rowName(record, row),
        accuracy(cellAt(record, row, /^clean$/)),
        ...columns.map(([, label]) => accuracy(cellAt(record, row, label))),
        row.checks.join(', '),
      ]);
      return `${readingOf(epsilon)}\n\n${markdownTable(['', 'clean', ...columns.map(([name]) => name), 'masking check'], rows)}`;
    })
    .join('\n\n');
}

function readingOf(epsilon: number): string {
  const deviations: Readonly<Record<string, string>> = { 0.0652: '0.25', 0.1304: '0.5' };
  const units = deviations[epsilon];
  return units === undefined
    ? `**ε ${epsilon} of [0, 1]**`
    : `**ε ${units} standard deviations**, which is ${epsilon} of [0, 1]`;
}

/** The paper's abstract beside ours: AT+ALP and the best of the methods before it, under transferred PGD-200. */
function headlineTable(record: SweepRecord, published: Published['flowers']): string {
  const named = record.table.rows.map((row) => ({ row, name: rowName(record, row) }));
  const own = named.filter(({ name }) => name === 'at-alp');
  const before = named.filter(({ name }) => ['at', 'm-pgd', 'alp on m-pgd'].includes(name));
  const rows = (['gray-box', 'black-box'] as const).flatMap((source) =>
    (record.request.evaluate?.epsilons ?? []).map((epsilon) => {
      const label = new RegExp(`^PGD-200, ε ${String(epsilon).replace('.', '\\.')} from ${source}$`);
      const [best] = before
        .flatMap(({ row, name }) => {
          const cell = cellAt(record, row, label);
          return cell ? [{ cell, name }] : [];
        })
        .toSorted((a, b) => b.cell.mean - a.cell.mean);
      const paper = published[source];
      return [
        source,
        String(epsilon),
        `${paper['at-alp']} against ${paper['best before']}`,
        own.map(({ row }) => accuracy(cellAt(record, row, label))).join(', '),
        best ? `${accuracy(best.cell)}, ${best.name}` : NOT_RUN,
      ];
    }),
  );
  return markdownTable(['x′ from', 'ε of [0, 1]', 'the paper', 'AT+ALP here', 'best of AT, M-PGD, ALP here'], rows);
}

function attentionTable(record: SweepRecord): string {
  const measures = record.table.columns.filter(({ kind }) => kind === 'attention');
  const rows = record.table.rows.map((row) => [
    rowName(record, row),
    ...measures.map(({ key }) => ratio(row.cells[key])),
  ]);
  return markdownTable(['', ...measures.map(({ label }) => label)], rows);
}

function mosbachTable(
  study: string,
  preset: string | null,
  epsilon: number,
  baseline: RegExp,
  published: Readonly<Record<string, readonly [number, number, number]>>,
): string {
  const record = readRecord(study, preset);
  if (!record) return NOT_RUN;
  const theirs = (name: string): string => published[name]?.map((value) => value.toFixed(1)).join(' / ') ?? '–';
  const line = (row: SweepTableRow): string[] => {
    const name = rowName(record, row);
    return [
      name,
      theirs(name),
      accuracy(cellAt(record, row, /^clean$/)),
      accuracy(cellAt(record, row, baseline)),
      accuracy(worstAt(record, row, epsilon)),
      [...new Set(row.checks)].join(', '),
    ];
  };
  const head = ['', 'theirs: clean / baseline / strongest', 'clean', 'baseline', 'worst case', 'masking check'];
  return markdownTable(head, record.table.rows.map(line));
}

function pgdAtTable(): string {
  const record = readRecord('mnist-pgd-at', null);
  if (!record) return NOT_RUN;
  const { columns, rows } = record.table;
  return markdownTable(
    ['', ...columns.map(({ label }) => label), 'training, minutes'],
    rows.map((row) => [
      rowName(record, row),
      ...columns.map(({ key }) => accuracy(row.cells[key])),
      (row.seconds.training / 60).toFixed(0),
    ]),
  );
}
