import type { Command } from 'commander';
import { shortHash } from '../../../shared/domain/module.ts';
import type { ModuleContents } from '../../../shared/domain/module.ts';
import { textTable } from '../output.ts';
import { withLibrary, type GlobalOptions } from '../session.ts';

const NOT_RUN = 'not run: this library’s modules are not trusted yet';
const MEANING =
  'Trusted modules run with your rights: they can read your files and reach the network. If you know who wrote these, “pairlight modules --trust” lets them run on this computer.';

export function moduleCommand(program: Command): void {
  program
    .command('modules')
    .description('list your own modules: what each file adds, or what is wrong with it')
    .option('--trust', 'let modules of this library run, with your rights, on this computer')
    .option('--no-trust', 'let them run no longer')
    .action(async ({ trust }: { readonly trust?: boolean }, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'none', async ({ library, output }) => {
        const overview = await (trust === undefined ? library.modules.list() : library.modules.setTrusted(trust));
        const rows = overview.modules.map(({ file, hash, contents, fault }) => [
          file,
          hash === null ? '–' : shortHash(hash),
          fault ?? (overview.trusted ? added(contents) : NOT_RUN),
        ]);
        output.result(
          overview,
          rows.length > 0
            ? `${textTable(['file', 'version', 'adds'], rows)}\n\nFolder: ${overview.folder}${overview.trusted ? '' : `\n\n${MEANING}`}`
            : `No modules. Put files that end in .ts, .js or .mjs into ${overview.folder}.`,
        );
      });
    });
}

/** `attack sign-ascent; defence my-defence` */
function added({ attacks, defences }: ModuleContents): string {
  return [...attacks.map(({ name }) => `attack ${name}`), ...defences.map(({ name }) => `defence ${name}`)].join('; ');
}
