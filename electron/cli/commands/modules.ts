import type { Command } from 'commander';
import { shortHash } from '../../../shared/domain/module.ts';
import type { ModuleContents } from '../../../shared/domain/module.ts';
import { textTable } from '../output.ts';
import { withLibrary, type GlobalOptions } from '../session.ts';

export function moduleCommand(program: Command): void {
  program
    .command('modules')
    .description('list your own modules: what each file adds, or what is wrong with it')
    .action(async (_flags: object, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'none', async ({ library, output }) => {
        const overview = await library.modules.list();
        const rows = overview.modules.map(({ file, hash, contents, fault }) => [
          file,
          hash === null ? '–' : shortHash(hash),
          fault ?? added(contents),
        ]);
        output.result(
          overview,
          rows.length > 0
            ? `${textTable(['file', 'version', 'adds'], rows)}\n\nFolder: ${overview.folder}`
            : `No modules. Put files that end in .ts, .js or .mjs into ${overview.folder}.`,
        );
      });
    });
}

/** `attack sign-ascent; defence my-defence` */
function added({ attacks, defences }: ModuleContents): string {
  return [...attacks.map(({ name }) => `attack ${name}`), ...defences.map(({ name }) => `defence ${name}`)].join('; ');
}
