import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { engineChoice } from '../../../shared/domain/engine.ts';
import { parseSettings } from '../../../shared/domain/settings.ts';
import { writeExport } from '../../services/write-export.ts';
import { drawStory, writeFigures } from '../quickstart/figures.ts';
import { reportOf } from '../quickstart/report-data.ts';
import { reportHtml } from '../quickstart/report-html.ts';
import { headline } from '../quickstart/report-words.ts';
import { runStory } from '../quickstart/story.ts';
import { withLibrary, type GlobalOptions } from '../session.ts';
import { numberOption } from '../settings-flags.ts';

interface QuickstartFlags {
  readonly out: string;
  readonly seed: number;
  readonly examples: number;
  readonly engine: string;
}

const EPSILON = 0.25;
const MOST_JOBS = 4;

export function quickstartCommand(program: Command): void {
  program
    .command('quickstart')
    .description(
      'the whole story on the bundled sample in minutes: train natural, AT and AT+ALP, attack white-, gray- and black-box, look, report',
    )
    .option(
      '--out <dir>',
      'folder for report.html, report.json, figures, tables and the library',
      'pairlight-quickstart',
    )
    .option('--seed <seed>', 'seed', numberOption('--seed'), 0)
    .option('--examples <n>', 'test images under attack, from the first', numberOption('--examples'), 500)
    .option('--engine <engine>', 'auto, tensorflow, webgpu or wasm', 'auto')
    .action(async (flags: QuickstartFlags, command: Command) => {
      const out = resolve(flags.out);
      const global = command.optsWithGlobals<GlobalOptions>();
      const started = performance.now();
      await mkdir(out, { recursive: true });
      await withLibrary({ ...global, library: global.library ?? join(out, 'library') }, 'own', async (session) => {
        const { library, output } = session;
        // Small networks: two processes of one thread each get more done than one of two.
        if (global.library === undefined)
          library.preferences.set({ parallelJobs: Math.min(MOST_JOBS, availableParallelism()) });
        const story = await runStory(session, {
          seed: flags.seed,
          examples: flags.examples,
          engine: parseSettings(engineChoice, flags.engine, '--engine'),
          epsilon: EPSILON,
        });
        const figures = await drawStory(library, story);
        const files = await writeFigures(library, story, figures, out);
        const report = { ...reportOf(library, story), totalSeconds: (performance.now() - started) / 1000 };
        await writeExport(join(out, 'report.json'), Buffer.from(`${JSON.stringify(report, null, 2)}\n`));
        await writeExport(join(out, 'report.html'), Buffer.from(await reportHtml(report, figures)));
        output.result(
          report,
          `${headline(report)}\n${report.totalSeconds.toFixed(0)} s; ${join(out, 'report.html')}, ${files.length} figure and table files`,
        );
      });
    });
}
