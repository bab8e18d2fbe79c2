import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { encode } from 'fast-png';
import { resourcePath } from '../../../electron/services/resources.ts';

/** The four files of MNIST as IDX: the folder's own, or 60,000 + 10,000 images that repeat the bundled sample's. */
export async function mnistFolder(data: string | null, scratch: string): Promise<string> {
  const own = data === null ? null : join(data, 'mnist');
  if (own !== null && existsSync(own)) return own;
  const folder = join(scratch, 'mnist');
  await mkdir(folder);
  for (const [part, count] of [
    ['train', 60_000],
    ['t10k', 10_000],
  ] as const) {
    for (const [kind, stride, header] of [
      ['images-idx3', 784, 16],
      ['labels-idx1', 1, 8],
    ] as const) {
      const sample = gunzipSync(await readFile(join(resourcePath('sample'), `${part}-${kind}-ubyte.gz`)));
      const rows = sample.subarray(header);
      const out = Buffer.alloc(header + count * stride, sample.subarray(0, header));
      out.writeUInt32BE(count, 4);
      for (let at = 0; at < count * stride; at += rows.length) rows.copy(out, header + at);
      await writeFile(join(folder, `${part}-${kind}-ubyte`), out);
    }
  }
  return folder;
}

const CLASSES = 10;
const SIDE = 64;

/** So many PNGs of 64 × 64 RGB, each its own gradient with noise, in ten class folders. */
export async function pngFolder(count: number, scratch: string): Promise<string> {
  const folder = join(scratch, `png-${count}`);
  for (let label = 0; label < CLASSES; label += 1) await mkdir(join(folder, `class-${label}`), { recursive: true });
  const data = new Uint8Array(SIDE * SIDE * 3);
  for (let image = 0; image < count; image += 1) {
    for (let at = 0; at < data.length; at += 1) {
      const pixel = Math.floor(at / 3);
      data[at] = (pixel % SIDE) * (1 + (image % 4)) + Math.floor(pixel / SIDE) * (image % 7) + ((at * 31 + image) % 13);
    }
    const name = `image-${String(image).padStart(6, '0')}.png`;
    const png = encode({ width: SIDE, height: SIDE, channels: 3, data }, { zlib: { level: 1 } });
    await writeFile(join(folder, `class-${image % CLASSES}`, name), png);
  }
  return folder;
}
