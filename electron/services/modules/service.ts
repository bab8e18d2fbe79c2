import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError, toAppError } from '../../../shared/domain/errors.ts';
import type { AttackSpec } from '../../../shared/domain/evaluation.ts';
import type { JobResult } from '../../../shared/domain/job.ts';
import { shortHash } from '../../../shared/domain/module.ts';
import type { ModuleContents, ModuleOverview, ModuleRow, ModuleSource } from '../../../shared/domain/module.ts';
import type { PlanRequest } from '../../../shared/domain/plan.ts';
import { settingValues } from '../../../shared/domain/settings.ts';
import type { SettingValues } from '../../../shared/domain/settings.ts';
import { writeAtomic } from '../../compute/arrays/atomic.ts';
import { factsKey } from '../../compute/modules/loaded.ts';
import type { Store } from '../../store/store.ts';
import type { SideJobs } from '../side-jobs.ts';
import { withoutClashes } from './clashes.ts';
import { readModuleFiles } from './folder.ts';
import type { ModuleText } from './folder.ts';
import { moduleSources } from './sources.ts';
import { isTrusted, requireTrusted, setTrusted, UNTRUSTED } from './trust.ts';

/** How long a module may take to say what it adds. */
const LIMIT_MS = 10_000;

type Description = Extract<JobResult, { readonly kind: 'describe-module' }>;
type PlanPart = Pick<PlanRequest, 'attacks' | 'epsilons'>;

/** A defence of a module, ready for a training's configuration. */
export interface ModuleDefence {
  readonly module: string;
  readonly label: string;
  /** With every default filled in. */
  readonly settings: SettingValues;
}

/** The user's modules as main and the command line know them: read as text, looked at by job hosts, never loaded here. */
export interface ModuleService {
  /** All files of the folder with what they add, as they are now. */
  readonly list: () => Promise<ModuleOverview>;
  /** The same, also of those again that had a fault. */
  readonly readAgain: () => Promise<ModuleOverview>;
  /** What is known at once; `complete` is false where a file is still to be looked at, as {@link list} does. */
  known(): Promise<{ readonly modules: readonly ModuleRow[]; readonly complete: boolean }>;
  /** Lets modules of this library run, or no longer; then as {@link readAgain}. Jobs that run already go on. */
  setTrusted(trusted: boolean): Promise<ModuleOverview>;
  /**
   * An attack with the version of its module; `resolveAttack` then knows everything of it. A version that is pinned
   * stays, and built-in attacks are left alone.
   * @throws AppError `invalid-input` for an attack that is nowhere and for wrong settings, `forbidden` for one of a module
   *   while these are not trusted.
   */
  readonly pin: (spec: AttackSpec) => Promise<AttackSpec>;
  /** The same for every attack of a plan, at each ε that it may run at. */
  pinPlan<P extends PlanPart>(request: P): Promise<P>;
  /**
   * @param layers of the network that is to be trained.
   * @returns null for a built-in defence. @throws AppError, as {@link pin}.
   */
  defence(
    spec: { readonly name: string; readonly settings: SettingValues; readonly module?: string | undefined },
    layers: readonly string[],
  ): Promise<ModuleDefence | null>;
  /** Says of a version what became of its file: a remark beside its numbers; null while it is as it was. */
  changes(): Promise<(hash: string) => string | null>;
}

const NOTHING: ModuleContents = { attacks: [], defences: [] };

export function moduleService(store: Store, sideJobs: Pick<SideJobs, 'run'>, limitMs = LIMIT_MS): ModuleService {
  /** Faults that were found, by file and hash: a file that is the same is not run again to find its own fault. */
  const faults = new Map<string, { readonly message: string; readonly passing: boolean }>();

  const askJob = (
    module: ModuleSource,
    attacks: readonly AttackSpec[] = [],
    defence: {
      readonly name: string;
      readonly settings: SettingValues;
      readonly layers: readonly string[];
    } | null = null,
  ): Promise<Description> => {
    requireTrusted(store.folder.root);
    const message = `The module ${module.file} did not say within ${limitMs / 1000} s what it adds: it never returns, or waits for something. Let its default export return at once.`;
    const plain = defence && {
      ...defence,
      settings: settingValues.parse(defence.settings),
      layers: [...defence.layers],
    };
    return sideJobs.run<'describe-module'>(
      { kind: 'describe-module', module, attacks: [...attacks], defence: plain },
      { milliseconds: limitMs, message },
    );
  };

  /** Asks a job host what a file adds. */
  const ask = async (file: string, { hash, bytes }: NonNullable<ModuleText['content']>): Promise<ModuleRow> => {
    const folder = store.folder.scratch(`module-${hash}`);
    const path = join(folder, basename(store.folder.keptModule(hash, file)));
    try {
      await mkdir(folder, { recursive: true });
      await writeFile(path, bytes);
      const { contents } = await askJob({ file, hash, path });
      store.modules.put(hash, { file, contents });
      return { file, hash, contents, fault: null };
    } catch (thrown) {
      const error = toAppError(thrown);
      faults.set(`${file} ${hash}`, { message: error.message, passing: isPassing(error) });
      return { file, hash, contents: NOTHING, fault: error.message };
    } finally {
      // What is left there harms nobody, and must not hide what was found.
      await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    }
  };

  /** What is known of a file already; null for one that nobody has looked at. */
  const recall = ({ file, content, fault }: ModuleText): ModuleRow | null => {
    if (content === null) return { file, hash: null, contents: NOTHING, fault };
    const { hash } = content;
    if (!isTrusted(store.folder.root)) return { file, hash, contents: NOTHING, fault: null };
    const known = store.modules.get(hash);
    if (known) return { file, hash, contents: known.contents, fault: null };
    const failed = faults.get(`${file} ${hash}`);
    return failed === undefined ? null : { file, hash, contents: NOTHING, fault: failed.message };
  };

  /** Sees to it that there is a copy of each version that works: numbers made with it can then be made again. */
  const keep = async ({ content }: ModuleText): Promise<void> => {
    const known = content && store.modules.get(content.hash);
    if (!known || !isTrusted(store.folder.root)) return;
    const copy = store.folder.keptModule(content.hash, known.file);
    if (await exists(copy)) return;
    await mkdir(dirname(copy), { recursive: true });
    await writeAtomic(copy, content.bytes);
  };

  const look = async (): Promise<ModuleOverview> => {
    const rows: ModuleRow[] = [];
    // A full disk, say, may have room by now.
    for (const [key, { passing }] of faults) if (passing) faults.delete(key);
    // One after another: each file that is new takes a process of its own, so that a bad one harms no other.
    for (const text of await readModuleFiles(store.folder.modules)) {
      const row = recall(text) ?? (text.content && (await ask(text.file, text.content)));
      if (row) rows.push(row);
      await keep(text);
    }
    const { root, modules: folder } = store.folder;
    return { folder, trusted: isTrusted(root), modules: withoutClashes(rows) };
  };

  let turn: Promise<unknown> = Promise.resolve();
  /** One look at a time: two would ask about the same new file, and write the same copy. */
  const list = (): Promise<ModuleOverview> => {
    const own = turn.then(look);
    turn = own.catch(() => undefined);
    return own;
  };

  const readAgain = (): Promise<ModuleOverview> => {
    faults.clear();
    return list();
  };

  /** The version of the module that has an attack or a defence now. */
  const versionOf = async (kind: 'attacks' | 'defences', name: string, builtIn: readonly string[]): Promise<string> => {
    const { trusted, modules } = await list();
    const row = modules.find(({ contents }) => contents[kind].some((one) => one.name === name));
    if (row?.hash) return row.hash;
    const known = [...builtIn, ...modules.flatMap(({ contents }) => contents[kind].map((one) => one.name))];
    const faulty = modules.flatMap(({ fault }) => fault ?? []);
    const hint = faulty.length > 0 ? ` Modules with a fault add nothing: ${faulty.join(' ')}` : '';
    const single = kind === 'attacks' ? 'attack' : 'defence';
    if (!trusted && modules.some(({ hash }) => hash !== null)) {
      throw new AppError('forbidden', `There is no built-in ${single} “${name}”, and ${UNTRUSTED}`, {
        details: { found: name },
      });
    }
    throw new AppError('invalid-input', `There is no ${single} “${name}”. Known: ${known.join(', ')}.${hint}`, {
      details: { field: single === 'attack' ? 'attack.name' : 'defence', found: name },
    });
  };

  const sourceOf = (hash: string): ModuleSource => {
    const [source] = moduleSources(store, hash);
    if (!source) throw new AppError('internal', `There is no module ${shortHash(hash)}.`);
    return source;
  };

  /** Works out what attacks of one module come to, where it is not known yet. */
  const prepare = async (specs: readonly AttackSpec[]): Promise<void> => {
    if (specs.some(({ module }) => module !== undefined)) requireTrusted(store.folder.root);
    const unknown = specs.filter((spec) => !store.modules.facts(factsKey(spec)));
    const [first] = unknown;
    if (first?.module === undefined) return;
    const { attacks } = await askJob(sourceOf(first.module), unknown);
    attacks.forEach(({ facts, completed }, position) => {
      const asked = unknown[position] ?? completed;
      for (const spec of [asked, completed, { ...completed, settings: facts.settings }]) {
        store.modules.putFacts(factsKey(spec), facts);
      }
    });
  };

  const isBuiltIn = async ({ name, module }: AttackSpec): Promise<boolean> => {
    if (module !== undefined) return false;
    const { ATTACKS } = await import('../../compute/attacks/registry.ts');
    return ATTACKS.some((attack) => attack.name === name);
  };

  const pinned = async <S extends AttackSpec>(spec: S): Promise<S> => {
    if (spec.module !== undefined || (await isBuiltIn(spec))) return spec;
    const { ATTACKS } = await import('../../compute/attacks/registry.ts');
    const names = ATTACKS.map(({ name }) => name);
    return { ...spec, module: await versionOf('attacks', spec.name, names) };
  };

  return {
    list,
    readAgain,
    setTrusted: async (trusted) => {
      await setTrusted(store.folder.root, trusted);
      return readAgain();
    },
    known: async () => {
      const rows = (await readModuleFiles(store.folder.modules)).map(recall);
      const found = rows.filter((row) => row !== null);
      return { modules: withoutClashes(found), complete: found.length === rows.length };
    },
    pin: async (spec) => {
      const known = await pinned(spec);
      await prepare([known]);
      return known;
    },
    pinPlan: async (request) => {
      const attacks: PlanRequest['attacks'] = [];
      for (const asked of request.attacks) {
        const known = await pinned(asked);
        const { name, settings, module, epsilons } = known;
        if (module !== undefined) {
          const own = { name, settings, module };
          await prepare([own]);
          const takesEpsilon = 'epsilon' in (store.modules.facts(factsKey(own))?.settings ?? {});
          const all = takesEpsilon ? (epsilons ?? request.epsilons) : [];
          await prepare(all.map((epsilon) => ({ ...own, settings: { ...settings, epsilon } })));
        }
        attacks.push(known);
      }
      return { ...request, attacks };
    },
    defence: async ({ name, settings, module: pin }, layers) => {
      const { DEFENCES } = await import('../../compute/defences/registry.ts');
      const names = DEFENCES.map((one) => one.name);
      if (pin === undefined && names.includes(name)) return null;
      const module = pin ?? (await versionOf('defences', name, names));
      const { defence } = await askJob(sourceOf(module), [], { name, settings, layers });
      if (!defence) throw new AppError('internal', `A job did not configure the defence ${name}.`);
      return { module, ...defence };
    },
    changes: async () => {
      const texts = await readModuleFiles(store.folder.modules);
      return (hash) => {
        if (texts.some(({ content }) => content?.hash === hash)) return null;
        const file = store.modules.get(hash)?.file ?? 'a module';
        const now = texts.find((text) => text.file === file)?.content?.hash;
        const fate =
          now === undefined ? 'is no longer in the modules folder' : `has changed since (it is ${shortHash(now)} now)`;
        return `Made with ${file} as it was (${shortHash(hash)}): the module ${fate}. A copy is kept; “pairlight evaluate --module ${shortHash(hash)}” takes it.`;
      };
    },
  };
}

/** Whether a fault is one of the machine or the moment, which the same file need not have again. */
function isPassing({ code, retry }: AppError): boolean {
  // Of crashes only the passed time limit is no invitation to try again.
  return code === 'job-crashed' ? retry : !['bad-data', 'unsupported', 'invalid-input'].includes(code);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
