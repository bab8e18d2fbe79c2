import type { AttackFacts, ModuleSource } from '../../../shared/domain/module.ts';
import type { AttackSpec } from '../../../shared/domain/evaluation.ts';
import type { AnyAttack } from '../attacks/attack.ts';
import type { Defence } from '../defences/defence.ts';

/**
 * What the registries know besides what is built in. In job hosts and their threads these are the attacks and defences
 * of the modules that the job names. Everywhere else modules are never loaded: there are facts, looked up by a key that
 * has the module's hash in it, so that what is found never depends on when or by whom it was worked out.
 */
const sources: ModuleSource[] = [];
const attacks = new Map<string, AnyAttack>();
const defences = new Map<string, Defence>();
const lookups = new Set<FactsLookup>();

export type FactsLookup = (key: string) => AttackFacts | undefined;

/** Takes in what a module adds. Only its loader calls this. */
export function register(
  source: ModuleSource,
  added: { readonly attacks: readonly AnyAttack[]; readonly defences: readonly Defence[] },
): void {
  sources.push(source);
  for (const attack of added.attacks) attacks.set(`${source.hash} ${attack.name}`, attack);
  for (const defence of added.defences) defences.set(defence.name, defence);
}

/** The modules that this process has loaded, for its threads. */
export function loadedModules(): readonly ModuleSource[] {
  return sources;
}

/** An attack of a loaded module. */
export function moduleAttack(module: string, name: string): AnyAttack | undefined {
  return attacks.get(`${module} ${name}`);
}

/** A defence of a loaded module. */
export function moduleDefence(name: string): Defence | undefined {
  return defences.get(name);
}

/** Adds a place where facts are kept, such as an open library. @returns what takes it away again. */
export function addFacts(lookup: FactsLookup): () => void {
  lookups.add(lookup);
  return () => lookups.delete(lookup);
}

export function findFacts(spec: AttackSpec): AttackFacts | undefined {
  const key = factsKey(spec);
  for (const lookup of lookups) {
    const found = lookup(key);
    if (found) return found;
  }
  return undefined;
}

/** The same for the same module, attack and settings, in whatever order these are. */
export function factsKey({ module, name, settings }: AttackSpec): string {
  const sorted = Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([module ?? null, name, sorted]);
}
