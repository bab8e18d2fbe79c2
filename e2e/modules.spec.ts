import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from './fixtures.ts';
import { call, root } from './launch.ts';
import { takeScreenshots } from './screenshots.ts';
import { open } from './ui.ts';

const example = (name: string): string => join(root, 'docs', 'examples', name);

test('a file in the modules folder becomes an attack of the forms, and its number comes from a job process', async ({
  start,
  folder,
}) => {
  // What is trusted is kept in the user's data folder: the test has one of its own.
  const app = await start({ env: { PAIRLIGHT_DATA: join(folder, 'data') } });
  const { page, library, process: main } = app;
  await open(page, 'Settings');
  const panel = page.getByRole('region', { name: 'Your modules' });
  await expect(panel).toContainText('No modules yet');

  // The module notes which process runs it.
  const marker = join(library, 'pids');
  const note = `import { appendFileSync } from 'node:fs';\nappendFileSync(${JSON.stringify(marker)}, process.pid + '\\n');\n`;
  writeFileSync(join(library, 'modules', 'patch-search.ts'), note + readFileSync(example('patch-search.ts'), 'utf8'));
  writeFileSync(join(library, 'modules', 'typo.js'), 'export default () => {\n  const = 3;\n};\n');
  const files = panel.getByRole('list', { name: 'Modules' }).getByRole('listitem');
  await expect(files).toHaveCount(2, { timeout: 60_000 });
  await expect(files.first()).toContainText('Not run: this library’s modules are not trusted yet.');
  await expect(panel).toContainText('Trusted modules run with your rights');
  await takeScreenshots(app, 'untrusted', ['Settings']);
  expect(existsSync(marker)).toBe(false);
  // In a small window the panel is reached with the wheel.
  await app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.setContentSize(1280, 800));
  const trust = panel.getByRole('button', { name: 'Trust this library’s modules' });
  await page.mouse.move(640, 400);
  await page.mouse.wheel(0, 5_000);
  await expect(page.getByRole('heading', { name: 'About' })).toBeInViewport();
  await expect(trust).toBeInViewport({ ratio: 1 });
  await trust.click();
  await expect(files.first()).toContainText('attack patch-search');
  await expect(files.last()).toContainText('cannot be read: Unexpected token');
  await expect(files.last()).toContainText('(line 2)');
  await takeScreenshots(app, 'modules', ['Settings']);

  const { datasets } = await call(page, 'library.snapshot', undefined);
  const dataset = datasets[0]!.id;
  const trainer = { epochs: 1, trainLimit: 1000, validationSteps: 1 };
  const train = { name: 'small', dataset, architecture: 'small-cnn', defence: 'natural', trainer };
  const { id: model } = await call(page, 'runs.create', train);
  const stateOf = async (id: string) =>
    (await call(page, 'library.snapshot', undefined)).jobs.find((job) => job.id === id)?.state;
  await expect.poll(() => stateOf(model), { timeout: 60_000 }).toBe('done');

  await open(page, 'Evaluation');
  await page.getByRole('button', { name: 'New evaluation' }).first().click();
  const form = page.getByRole('dialog', { name: 'New evaluation' });
  await form.getByRole('combobox', { name: 'Attack', exact: true }).click();
  await expect(page.getByRole('option', { name: /· module/ })).toBeVisible();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');

  const attack = { name: 'patch-search', settings: { epsilon: 0.3 } };
  const { id } = await call(page, 'evaluations.create', { dataset, targets: [model], attack, examples: { count: 20 } });
  await expect.poll(() => stateOf(id), { timeout: 120_000 }).toBe('done');
  const { cells } = await call(page, 'evaluations.table', { dataset });
  const [cell] = Object.values(cells[model] ?? {});
  expect(cell?.attack.module).toMatch(/^[0-9a-f]{64}$/);
  expect(cell?.robustAccuracy).toBeLessThan(cell?.cleanAccuracy ?? 0);
  const pids = readFileSync(marker, 'utf8').trim().split('\n').map(Number);
  expect(pids.length).toBeGreaterThan(1);
  expect(pids).not.toContain(main.pid);

  copyFileSync(example('patch-search.ts'), join(library, 'modules', 'patch-search.ts'));
  await expect
    .poll(async () => {
      const { cells: now } = await call(page, 'evaluations.table', { dataset });
      return Object.values(now[model] ?? {})[0]?.notes.join();
    })
    .toContain('patch-search.ts as it was');
  expect(app.complaints).toEqual([]);
});
