import { AppError } from '../../../shared/domain/errors.ts';
import type { JobResult, JobSpecOf } from '../../../shared/domain/job.ts';
import { settingValues } from '../../../shared/domain/settings.ts';
import type { AttackPlan } from '../attacks/plan.ts';
import { attackEntry, builtInFamilies, completedAttack, resolveAttack } from '../attacks/registry.ts';
import { defenceEntry, findDefence } from '../defences/registry.ts';
import { factsOf } from '../modules/facts.ts';
import { register } from '../modules/loaded.ts';
import type { JobContext } from './control.ts';
import { readModule } from '../modules/load.ts';
import type { LoadedModule } from '../modules/load.ts';

type Asked = NonNullable<JobSpecOf<'describe-module'>['defence']>;

/** Loads one module and says as data what it adds, so that no other process has to load it. */
export async function runDescribeModule(job: JobSpecOf<'describe-module'>, context: JobContext): Promise<JobResult> {
  const { module } = job;
  await import('../modules/api.ts');
  // The owner takes the time from here, so the message has to leave before code of the module can keep this thread busy.
  context.progress({ done: 0, total: 1, unit: 'modules', message: module.file });
  await new Promise((resolve) => setImmediate(resolve));
  const loaded = await readModule(module);
  register(module, loaded);
  return {
    kind: 'describe-module',
    contents: {
      attacks: loaded.attacks.map((attack) => ({
        ...attackEntry(attack),
        family: ownFamily(attack.resolve({}).plan),
      })),
      defences: loaded.defences.map(defenceEntry),
    },
    attacks: job.attacks.map((spec) => {
      if (!loaded.attacks.some(({ name }) => name === spec.name)) refuse(module.file, `attack “${spec.name}”`);
      const resolved = resolveAttack({ ...spec, module: module.hash });
      return { facts: factsOf(resolved), completed: completedAttack(spec, resolved) };
    }),
    defence: job.defence && configured(job.defence, loaded, module.file),
  };
}

/** The name of a family that the module itself defines. */
function ownFamily({ family }: AttackPlan): string | null {
  return builtInFamilies().includes(family) ? null : family.name;
}

/** @throws AppError `invalid-input` for wrong settings, or for a network without the layers that it wants. */
function configured(
  { name, settings, layers }: Asked,
  { defences }: LoadedModule,
  file: string,
): NonNullable<Extract<JobResult, { readonly kind: 'describe-module' }>['defence']> {
  if (!defences.some((one) => one.name === name)) refuse(file, `defence “${name}”`);
  const defence = findDefence(name);
  const ready = defence.configure(settings);
  ready.taps(layers);
  return { label: defence.label, settings: settingValues.parse(ready.settings) };
}

function refuse(file: string, what: string): never {
  throw new AppError('not-found', `The module ${file} has no ${what}.`, { details: { file } });
}
