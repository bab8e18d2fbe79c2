/** Assembles electron/compute/data/pictures/convolve.wat into convolve-wasm.ts beside it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import wabt from 'wabt';
import { runScript, say } from './console.mjs';
import { root } from './paths.mjs';

const FOLDER = join(root, 'electron/compute/data/pictures');

await runScript(async () => {
  const text = await readFile(join(FOLDER, 'convolve.wat'), 'utf8');
  const { buffer } = (await wabt()).parseWat('convolve.wat', text, { simd: true }).toBinary({});
  const lines =
    Buffer.from(buffer)
      .toString('base64')
      .match(/.{1,110}/g) ?? [];
  const source = [
    '/** The binary of convolve.wat, by `node scripts/convolve-wasm.mjs`. */',
    'export const CONVOLVE_WASM = [',
    ...lines.map((line) => `  '${line}',`),
    "].join('');",
  ];
  await writeFile(join(FOLDER, 'convolve-wasm.ts'), `${source.join('\n')}\n`);
  say(`convolve-wasm.ts: ${buffer.length} bytes`);
});
