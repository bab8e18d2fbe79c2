// Makes resources/sample from the four original MNIST files: the first 6,000 training and the first 1,000 test images.
// Usage: node scripts/make-sample.mjs FOLDER-WITH-MNIST
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv, exit } from 'node:process';
import { gunzipSync, gzipSync } from 'node:zlib';
import { root } from './paths.mjs';

const PARTS = [
  { name: 'train-images-idx3-ubyte.gz', count: 6000 },
  { name: 'train-labels-idx1-ubyte.gz', count: 6000 },
  { name: 't10k-images-idx3-ubyte.gz', count: 1000 },
  { name: 't10k-labels-idx1-ubyte.gz', count: 1000 },
];

const [, , source] = argv;
if (!source) {
  console.error('Name the folder with the four MNIST files: node scripts/make-sample.mjs FOLDER');
  exit(2);
}
for (const { name, count } of PARTS) {
  const whole = gunzipSync(readFileSync(join(source, name)));
  const dimensions = whole[3];
  const offset = 4 + 4 * dimensions;
  let stride = 1;
  for (let axis = 1; axis < dimensions; axis += 1) stride *= whole.readUInt32BE(4 + 4 * axis);
  const part = Buffer.from(whole.subarray(0, offset + count * stride));
  part.writeUInt32BE(count, 4);
  writeFileSync(join(root, 'resources/sample', name), gzipSync(part, { level: 9 }));
  console.log(`${name}: ${count} of ${whole.readUInt32BE(4)}`);
}
