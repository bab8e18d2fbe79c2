import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { encode } from 'fast-png';

const SIDE = 16;

/** A grey image: a bright bar whose place is the class, with a little noise that depends on `index` alone. */
function bar(klass: number, index: number): Uint8Array {
  return Uint8Array.from({ length: SIDE * SIDE }, (_, pixel) => {
    const inside = Math.floor((pixel % SIDE) / 5) === klass;
    return (inside ? 200 : 20) + ((pixel * 31 + index * 17) % 23);
  });
}

/**
 * A folder of images per class, as a user may have it: two good classes, a class folder without images, and files that
 * do not decode.
 */
export function writeImageFolder(folder: string, classes: readonly string[] = ['left', 'middle']): void {
  classes.forEach((name, klass) => {
    mkdirSync(join(folder, name), { recursive: true });
    for (let index = 0; index < 30; index += 1) {
      const png = encode({ width: SIDE, height: SIDE, data: bar(klass, index), channels: 1, depth: 8 });
      writeFileSync(join(folder, name, `${String(index).padStart(3, '0')}.png`), png);
    }
  });
  mkdirSync(join(folder, 'empty'));
  const first = join(folder, classes[0] ?? '');
  writeFileSync(join(first, 'broken.png'), 'this is no image');
  writeFileSync(join(first, 'notes.txt'), 'taken in May');
}

/** A gzipped pair of IDX files with 60 images in three classes. */
export function writeIdx(folder: string): { readonly images: string; readonly labels: string } {
  mkdirSync(folder, { recursive: true });
  const count = 60;
  const header = (magic: number, ...sizes: number[]): Buffer => {
    const bytes = Buffer.alloc(4 + 4 * sizes.length);
    [magic, ...sizes].forEach((value, at) => bytes.writeUInt32BE(value, 4 * at));
    return bytes;
  };
  const all = Array.from({ length: count }, (_, index) => bar(index % 3, index));
  const images = join(folder, 'train-images-idx3-ubyte.gz');
  const labels = join(folder, 'train-labels-idx1-ubyte.gz');
  writeFileSync(images, gzipSync(Buffer.concat([header(0x803, count, SIDE, SIDE), ...all])));
  writeFileSync(
    labels,
    gzipSync(Buffer.concat([header(0x801, count), Uint8Array.from({ length: count }, (_, index) => index % 3)])),
  );
  return { images, labels };
}
