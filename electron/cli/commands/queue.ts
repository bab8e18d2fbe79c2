import type { Command } from 'commander';
import { textTable } from '../output.ts';
import { numberOption } from '../settings-flags.ts';
import { withResumeHint } from '../resume-hint.ts';
import { choose, finished, withLibrary, type GlobalOptions } from '../session.ts';

interface ResumeFlags {
  readonly rateFactor?: number;
  readonly accumulation?: number;
}

export function queueCommands(program: Command): void {
  program
    .command('queue')
    .description('list the jobs of the library, or with --run work them off')
    .option('--run', 'run every waiting job, then end')
    .action(async (flags: { readonly run?: boolean }, command: Command) => {
      const serves = flags.run === true ? 'all' : 'none';
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), serves, async ({ library, output }) => {
        if (flags.run === true) {
          const open = library.jobs.list().filter(({ state }) => state === 'waiting' || state === 'running');
          await Promise.all(open.map(({ id }) => library.jobs.wait(id)));
        }
        const jobs = library.jobs.list();
        const table = textTable(
          ['id', 'kind', 'state', 'title'],
          jobs.map(({ id, kind, state, title }) => [id, kind, state, title]),
        );
        output.result(jobs, jobs.length > 0 ? table : 'The queue is empty.');
      });
    });

  for (const action of ['pause', 'cancel'] as const) {
    program
      .command(`${action} <job>`)
      .description(`${action} a job, wherever it runs`)
      .action(async (text: string, _flags: object, command: Command) => {
        await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'none', async ({ library, output }) => {
          const { id, title } = choose(library.jobs.list(), text, 'job', (job) => job.title);
          library.jobs[action](id);
          output.result({ id }, `${title}: asked to ${action}`);
        });
      });
  }

  program
    .command('resume <job>')
    .description('go on with a paused, interrupted, failed or cancelled job and wait for its end')
    .option(
      '--rate-factor <factor>',
      'trainings: multiply the learning rate from here on, by 0.1 say',
      numberOption('--rate-factor'),
    )
    .option('--accumulation <n>', 'trainings: micro-batches a step from here on', numberOption('--accumulation'))
    .action(async (text: string, flags: ResumeFlags, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'own', async ({ library, output }) => {
        const { id, title } = choose(library.jobs.list(), text, 'job', (job) => job.title);
        if (flags.rateFactor === undefined && flags.accumulation === undefined) library.jobs.resume(id);
        else await library.runs.goOn({ id, ...flags });
        const job = await finished(library, id).catch((thrown: unknown) => {
          throw withResumeHint(thrown, id);
        });
        output.result(job, `${title}: ${job.state}`);
      });
    });
}
