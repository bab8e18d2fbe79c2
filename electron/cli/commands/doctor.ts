import type { Command } from 'commander';
import { ENGINE_NAMES } from '../../../shared/domain/engine.ts';
import packageJson from '../../../package.json' with { type: 'json' };
import { textTable } from '../output.ts';
import { withLibrary, type GlobalOptions } from '../session.ts';

export function doctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('engines, devices, speed, library: what works, what is missing and how to get it')
    .action(async (_flags: object, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'own', async ({ library, output }) => {
        const engines = [];
        for (const name of ENGINE_NAMES) engines.push(await library.engines.test(name));
        const table = textTable(
          ['engine', 'state', 'device', 'version', 'GFLOP/s', 'gradients/s', 'self-test'],
          engines.map((engine) => [
            engine.name,
            engine.available ? 'available' : 'missing',
            engine.device ?? '–',
            engine.version ?? '–',
            engine.gflops?.toFixed(0) ?? '–',
            engine.gradientsPerSecond?.toFixed(0) ?? '–',
            engine.selfTestError === null
              ? engine.selfTest
              : `${engine.selfTest} (${engine.selfTestError.toExponential(1)})`,
          ]),
        );
        const reasons = engines.flatMap(({ name, reason }) => (reason === null ? [] : [`${name}: ${reason}`]));
        output.result(
          {
            version: packageJson.version,
            library: library.folder,
            engines: engines.map(({ name, available, device, version, gflops, selfTest, reason }) => ({
              name,
              available,
              device,
              version,
              gflops,
              selfTest,
              reason,
            })),
            electron: process.versions.electron ?? null,
            node: process.versions.node,
          },
          [
            `Pairlight ${packageJson.version}, Electron ${process.versions.electron ?? '–'}, Node ${process.versions.node}`,
            `library ${library.folder}`,
            table,
            ...reasons,
          ].join('\n'),
        );
        if (engines.every((engine) => !engine.available)) process.exitCode = 1;
      });
    });
}
