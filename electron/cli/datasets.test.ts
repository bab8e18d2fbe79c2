import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import type { DatasetStatistics } from '../../shared/domain/dataset-view.ts';
import type { DatasetRow } from '../../shared/domain/library.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-dataset-command-'));
/** Each command is a process with processes of its own, in milliseconds. */
const TIMEOUT = 480_000;
afterAll(() => rmSync(root, { recursive: true }));

/** Runs the command line from its sources, in a library of the test's own. */
async function pairlight(...args: readonly string[]): Promise<{ code: number; said: string; result: unknown }> {
  const words = [join(import.meta.dirname, 'cli.ts'), ...args, '--json', '--quiet', '--library', join(root, 'library')];
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, words, { env, maxBuffer: 2 ** 24 });
    return { code: 0, said: stderr, result: JSON.parse(stdout) as unknown };
  } catch (thrown) {
    const { code, stderr, stdout } = thrown as { code: number; stderr: string; stdout: string };
    return { code, said: stderr, result: stdout === '' ? null : (JSON.parse(stdout) as unknown) };
  }
}

test(
  'dataset: show, filter, statistics, edit, verify, plan and export, by name or id',
  async () => {
    const show = (await pairlight('dataset', 'show', 'MNIST sample')).result as DatasetRow;
    expect(show.manifest.images).toBe(7000);
    const filtered = (await pairlight('dataset', 'filter', show.id, 'class:7 split:test', '--group', 'class'))
      .result as {
      count: number;
      positions: number[];
      groups: { label: string; count: number }[];
    };
    expect(filtered.count).toBe(filtered.positions.length);
    const statistics = (await pairlight('dataset', 'statistics', show.id)).result as DatasetStatistics;
    expect(statistics.classes[7]?.test).toBe(filtered.count);
    expect(filtered.groups).toEqual([{ label: '7', start: 0, count: filtered.count }]);

    const edit = await pairlight(
      'dataset',
      'edit',
      show.id,
      '--exclude',
      '--filter',
      'class:7 split:test',
      '--name',
      'few',
    );
    const version = edit.result as DatasetRow;
    expect(version.manifest).toMatchObject({ name: 'few', excluded: filtered.count, parent: { id: show.id } });
    writeFileSync(join(root, 'edits.yaml'), 'edits:\n  - kind: relabel\n    positions: [0, 1]\n    label: 9\n');
    const other = (await pairlight('dataset', 'edit', 'few', '--edits', join(root, 'edits.yaml'))).result as DatasetRow;
    expect(other.manifest).toMatchObject({ name: 'few v2', parent: { id: version.id } });
    expect((await pairlight('dataset', 'verify', other.id)).result).toMatchObject({ ok: true });

    const out = join(root, 'some.csv');
    expect((await pairlight('dataset', 'export', 'few', '--out', out, '--positions', '3,1')).result).toEqual({
      path: out,
      images: 2,
      format: 'csv',
    });
    expect(readFileSync(out, 'utf8').split('\n')[1]).toMatch(/^3,/);
    const plan = await pairlight('dataset', 'plan', show.id, '--out', join(root, 'plan.yaml'));
    expect(plan.result).toMatchObject({ format: 'idx', name: 'MNIST sample' });
    expect(existsSync(join(root, 'plan.yaml'))).toBe(true);
  },
  TIMEOUT,
);

test(
  'dataset: what is wrong is said, with status 2 for a bad request',
  async () => {
    const filter = await pairlight('dataset', 'filter', 'MNIST sample', 'clas:7');
    expect(filter).toMatchObject({ code: 2, said: expect.stringMatching(/filter: There is no field “clas”/) });
    const edit = await pairlight('dataset', 'edit', 'MNIST sample', '--exclude');
    expect(edit).toMatchObject({ code: 2, said: expect.stringMatching(/--filter or --positions/) });
    const relocate = await pairlight('dataset', 'relocate', 'MNIST sample', root);
    expect(relocate).toMatchObject({ code: 1, said: expect.stringMatching(/without a reference/) });
  },
  TIMEOUT,
);
