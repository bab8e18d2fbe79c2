import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { STREAM_NAMES } from './names.ts';

/** The first key of a stream where it is written out: `stream(seed, 'start', …)`. */
const NAMED = /\bstream\(\s*[\w.]+,\s*'([^']+)'/g;

test('every stream that compute code names is in the list, and the list has no other', () => {
  const compute = join(import.meta.dirname, '..');
  const files = readdirSync(compute, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !/(\.test|-suite|suite-values)\.ts$|^fixtures|self-test/.test(file),
  );
  const found = files.flatMap((file) =>
    [...readFileSync(join(compute, file), 'utf8').matchAll(NAMED)].map(([, name]) => name),
  );
  expect([...new Set(found)].toSorted()).toEqual(STREAM_NAMES);
});
