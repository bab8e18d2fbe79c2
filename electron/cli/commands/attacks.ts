import type { Command } from 'commander';
import { AppError } from '../../../shared/domain/errors.ts';
import { withLibrary, type GlobalOptions } from '../session.ts';
import { textTable } from '../output.ts';

export function attackCommands(program: Command): void {
  program
    .command('attacks [name]')
    .description('list the attacks, or tell all about one: what it is, when to use it, its settings')
    .action(async (name: string | undefined, _flags: object, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'none', async ({ library, output }) => {
        const { attacks: entries } = await library.catalogue();
        if (name === undefined) {
          const rows = entries.map((entry) => [entry.name, entry.label, entry.transfers ? 'yes' : 'no', entry.summary]);
          output.result(entries, textTable(['name', 'attack', 'transfers', 'what it is'], rows));
          return;
        }
        const entry = entries.find((one) => one.name === name);
        if (!entry) {
          const known = entries.map((one) => one.name).join(', ');
          throw new AppError('not-found', `There is no attack “${name}”. Known: ${known}.`);
        }
        const rows = entry.fields.map(({ key, default: value, choices, help }) => [
          key,
          value === null ? '–' : String(value),
          choices?.join(', ') ?? '',
          help ?? '',
        ]);
        output.result(
          entry,
          [
            `${entry.label} (${entry.source})`,
            entry.help,
            textTable(['setting', 'default', 'choices', 'what it is'], rows),
          ].join('\n\n'),
        );
      });
    });
}
