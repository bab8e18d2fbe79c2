import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { AppError } from '../../../shared/domain/errors.ts';
import { shortHash, type ModuleSource } from '../../../shared/domain/module.ts';
import { describeIssues } from '../../../shared/domain/settings.ts';
import type { AnyAttack } from '../attacks/attack.ts';
import type { Defence } from '../defences/defence.ts';
import { loadedModules, register } from './loaded.ts';
import { checkModule } from './shape.ts';

/** What a module adds, checked. */
export interface LoadedModule {
  readonly attacks: readonly AnyAttack[];
  readonly defences: readonly Defence[];
}

/**
 * Loads modules and adds what they define to the registries of this process, in which its code then runs: only job hosts
 * and their threads may call this. A module that is loaded already is left alone.
 * @throws AppError that names the module, see {@link readModule}.
 */
export async function loadModules(sources: readonly ModuleSource[]): Promise<void> {
  for (const source of sources) {
    if (loadedModules().some(({ hash }) => hash === source.hash)) continue;
    register(source, await readModule(source));
  }
}

/**
 * Imports a module and asks it what it adds.
 * @throws AppError `not-found` or `conflict` for a copy that is gone or was edited, `unsupported` for TypeScript where
 *   Node cannot read it, `bad-data` for a module with a fault: what is wrong, where, and what to do.
 */
export async function readModule(source: ModuleSource): Promise<LoadedModule> {
  const text = await contentOf(source);
  const isTypeScript = /ts$/.test(source.path);
  if (isTypeScript && !process.features.typescript) {
    throw fault(source, 'is TypeScript, which this Node cannot read: take Node 22.18 or newer, or write it as .js', {
      code: 'unsupported',
    });
  }
  const [{ moduleApi }, found] = await Promise.all([import('./api.ts'), importFile(source, text)]);
  const factory: unknown = found['default'];
  if (typeof factory !== 'function') {
    const what =
      factory === undefined ? 'has no default export' : `exports something else (${typeof factory}) by default`;
    throw fault(source, `${what}. Write “export default (pairlight) => ({ attacks: […], defences: […] });”`);
  }
  let added: unknown;
  try {
    added = await (factory as (api: typeof moduleApi) => unknown)(moduleApi);
  } catch (thrown) {
    throw fault(source, `fails when it is asked what it adds: ${messageOf(thrown)}${placeOf(thrown, source)}`);
  }
  return checkModule(added, (what) => fault(source, what));
}

async function contentOf(source: ModuleSource): Promise<string> {
  const bytes = await readFile(source.path).catch((cause: unknown) => {
    throw new AppError(
      'not-found',
      `The kept copy of the module ${source.file} (${shortHash(source.hash)}) is missing, so nothing that was made with it can be computed again. Put the file back into the modules folder with the same content: the copy is then made anew.`,
      { details: { file: source.file, path: source.path }, cause },
    );
  });
  if (createHash('sha256').update(bytes).digest('hex') !== source.hash) {
    throw new AppError(
      'conflict',
      `The kept copy of the module ${source.file} (${shortHash(source.hash)}) was changed, so it is not what the earlier numbers were made with. Delete ${source.path}; it is made anew if the modules folder has the file with its old content.`,
      { details: { file: source.file, path: source.path } },
    );
  }
  return bytes.toString('utf8');
}

async function importFile(source: ModuleSource, text: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const found = (await import(/* @vite-ignore */ pathToFileURL(source.path).href)) as Record<string, unknown>;
    // Node has read the file by itself: what it read has to be what the hash is of.
    await contentOf(source);
    return found;
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    await contentOf(source);
    const missing = /^Cannot find (?:module|package) '([^']+)'/.exec(messageOf(thrown))?.[1];
    if (missing !== undefined) {
      throw fault(
        source,
        `imports ${missing.split('/').at(-1)}, which is not there: a module is one file, so that a copy of it is all that a result needs. It is handed what Pairlight has as the argument of its default export; node:… can be imported`,
      );
    }
    if (thrown instanceof SyntaxError || codeOf(thrown).includes('TYPESCRIPT')) {
      throw fault(source, `cannot be read: ${messageOf(thrown)}${lineOfSyntax(thrown, text)}`);
    }
    throw fault(source, `fails while it is loaded: ${messageOf(thrown)}${placeOf(thrown, source)}`);
  }
}

/** Node tells the line of a mistake in TypeScript alone, so JavaScript is read as such once more. */
function lineOfSyntax(thrown: unknown, text: string): string {
  const own = lineIn(thrown);
  if (own !== null) return ` (line ${own})`;
  try {
    stripTypeScriptTypes(text);
  } catch (again) {
    const line = lineIn(again);
    if (line !== null) return ` (line ${line})`;
  }
  return '';
}

function lineIn(thrown: unknown): string | null {
  const [head = ''] = (thrown instanceof Error ? (thrown.stack ?? '') : '').split('\n');
  return /:(\d+)$/.exec(head)?.[1] ?? null;
}

/** Where in the module an error was thrown. */
function placeOf(thrown: unknown, { path, file }: ModuleSource): string {
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
  const from = stack.indexOf(pathToFileURL(path).href);
  const line = from < 0 ? null : /^[^\n]*?:(\d+):\d+/.exec(stack.slice(from + pathToFileURL(path).href.length))?.[1];
  return line == null ? '' : ` (${file}, line ${line})`;
}

function messageOf(thrown: unknown): string {
  if (thrown instanceof z.ZodError) return describeIssues(thrown);
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
}

function fault(
  { file, hash }: ModuleSource,
  what: string,
  { code = 'bad-data' }: { readonly code?: 'bad-data' | 'unsupported' } = {},
): AppError {
  return new AppError(code, `The module ${file} ${what}${what.endsWith('.') ? '' : '.'}`, { details: { file, hash } });
}
