import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { fillIn, markdownTable } from '../generated-sections.ts';
import { CASES } from './cases.ts';
import { agreement, asNear, countedImages, isMet, leftOf, median, medianDistance } from './results.ts';
import type { CaseResult, ToolResult, ValidationReport } from './results.ts';

const FILE = join(import.meta.dirname, '..', '..', 'docs', 'validation.md');

/** Writes a report's tables into `docs/validation.md`, between its markers; the text around them stays. */
export async function writeDocs(report: ValidationReport): Promise<void> {
  const text = fillIn(await readFile(FILE, 'utf8'), sectionsOf(report), 'validate');
  await writeFile(FILE, await format(text, { ...(await resolveConfig(FILE)), filepath: FILE }));
}

/** The generated parts of the document. */
export function sectionsOf(report: ValidationReport): Readonly<Record<string, string>> {
  const { date, engine, second, results, seconds } = report;
  const versions = new Set(
    results.flatMap(({ own, peers }) => [own, ...peers]).map(({ tool, version }) => `${tool} ${version}`),
  );
  return {
    run: `Measured on ${date.slice(0, 10)} in ${Math.max(1, Math.round(seconds / 60))} minutes: Pairlight on ${engine}, one thread each. ${[...versions].join(', ')}. ${results.length} of ${CASES.length} cases.`,
    peers: markdownTable(
      [
        'attack',
        'network, images',
        'tool',
        'accuracy',
        'median size',
        'agreement',
        'queries',
        'CPU seconds',
        'bar met',
      ],
      results.flatMap(caseRows),
    ),
    recheck:
      second === null
        ? 'Not done: it takes a second engine, and only wasm is installed.'
        : [
            `Images were made on ${engine} and looked at again on ${second}.`,
            markdownTable(
              ['attack', 'images', 'out of [0, 1]', 'beyond ε', 'another size', 'not misclassified'],
              results.map(({ label, recheck }) => [
                label,
                ...(recheck
                  ? [recheck.images, recheck.outOfRange, recheck.outOfBall, recheck.wrongDistance, recheck.notFooled]
                  : ['', '', '', '', '']
                ).map(String),
              ]),
            ),
          ].join('\n\n'),
  };
}

/** The report for a terminal. */
export function describeReport(report: ValidationReport): string {
  return Object.values(sectionsOf(report)).join('\n\n');
}

function caseRows(result: CaseResult): readonly (readonly string[])[] {
  const { label, fixture, examples, own, peers, bar } = result;
  const met = isMet(result);
  const counted = countedImages(result);
  const row = (tool: ToolResult, first: boolean): readonly string[] => {
    const size = medianDistance(tool, counted);
    const queries = median(tool.runs.flatMap((run) => run.queries ?? []));
    return [
      first ? label : '',
      first ? `${fixture}, ${examples}` : '',
      tool.tool === 'adversarial-robustness-toolbox' ? 'ART' : tool.tool,
      bar === 'distance' ? '' : `${((100 * leftOf(tool)) / examples).toFixed(1)} %`,
      bar === 'distance' ? (size === null ? 'none' : size.toPrecision(4)) : '',
      first ? '' : `${(100 * (bar === 'distance' ? asNear(own, tool) : agreement(own, tool))).toFixed(0)} %`,
      queries === null ? '' : Math.round(queries).toLocaleString('en'),
      (median(tool.runs.map((run) => run.cpuSeconds)) ?? 0).toFixed(1),
      first && met !== null ? (met ? 'yes' : '**no**') : '',
    ];
  };
  return [row(own, true), ...peers.map((peer) => row(peer, false))];
}
