import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { fillIn } from '../generated-sections.ts';
import { sectionsOf } from './sections.ts';

/** Writes the tables of docs/reproduction.md from studies/results; the text around them stays. */
const file = join(import.meta.dirname, '..', '..', 'docs', 'reproduction.md');
const text = fillIn(await readFile(file, 'utf8'), sectionsOf(), 'reproduction');
await writeFile(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
