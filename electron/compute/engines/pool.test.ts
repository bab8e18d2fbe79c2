import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { packFolder } from '../../services/engine-pack/state.ts';

/** Makes tensors of 256 MiB until there are 14 of them, and prints how many there are and what ended it. */
const SCRIPT = `
  import * as tf from ${JSON.stringify(import.meta.resolve('@tensorflow/tfjs-core'))};
  const { loadEngine } = await import(${JSON.stringify(pathToFileURL(join(import.meta.dirname, 'load.ts')).href)});
  const [enginePack, memory] = process.argv.slice(1);
  await loadEngine('tensorflow', { enginePack, threads: 1, deterministic: true, memory: Number(memory) });
  const kept = [];
  let code = null;
  try {
    while (kept.length < 14) kept.push(tf.fill([2 ** 26], kept.length));
  } catch (error) {
    code = error.code;
  }
  console.log(JSON.stringify({ tensors: kept.length, code }));
  process.exit(0);
`;

test.for([
  ['ends in order where more is needed than was expected', 1e9, 'out-of-memory'],
  ['holds 3.5 GiB where that was expected', 4e9, null],
] as const)('a process on tensorflow %s', { timeout: 120_000 }, async ([, memory, code], { skip }) => {
  if (!existsSync(join(packFolder(), 'tfjs_binding.node'))) skip('the tensorflow engine pack is not installed');
  if (process.versions['electron'] === undefined) skip('only Electron’s own malloc ends at 2 GiB');
  if (freemem() < 5e9) skip('less than 5 GB of memory are free');
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  const args = ['--input-type=module', '-e', SCRIPT, packFolder(), String(memory)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  const found = JSON.parse(stdout) as { readonly tensors: number; readonly code: string | null };
  expect(found.code).toBe(code);
  // More than 2 GiB in any case.
  expect(found.tensors).toBeGreaterThan(8);
});
