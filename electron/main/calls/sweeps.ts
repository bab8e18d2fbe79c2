import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { AppError } from '../../../shared/domain/errors.ts';
import { MANY_TRAININGS, type SweepPlan, type SweepRow } from '../../../shared/domain/sweep-view.ts';
import type { Library } from '../../services/library.ts';
import { boundedTrainings, expandSweep } from '../../services/sweeps/expand.ts';
import { chooseToOpen } from '../dialogs.ts';
import { runsElsewhere, sweepDrivers, type SweepDrivers } from '../sweeps/drivers.ts';
import { readText, writeText } from '../sweeps/text.ts';
import type { CallContext } from './context.ts';
import type { Handlers } from './dispatch.ts';

type SweepCalls =
  | 'sweeps.list'
  | 'sweeps.choose'
  | 'sweeps.read'
  | 'sweeps.write'
  | 'sweeps.preview'
  | 'sweeps.create'
  | 'sweeps.run'
  | 'sweeps.cancel'
  | 'sweeps.table';

const FILE_DIALOG = { title: 'Sweep', kind: 'file', extensions: ['yaml', 'yml'] } as const;
/** A YAML of more characters is none that a person wrote. */
const LONGEST_TEXT = 1_000_000;

export function sweepCalls({ library, window, events }: CallContext): Pick<Handlers, SweepCalls> {
  const drivers = sweepDrivers((id) => events.push('sweep.changed', { id }));
  return {
    'sweeps.list': async () => rowsOf(await library(), drivers),
    'sweeps.choose': async () => {
      const path = await chooseToOpen(window, FILE_DIALOG);
      if (path === null) return null;
      const text = await readFile(path, 'utf8').catch((cause: unknown) => {
        throw new AppError('not-found', `${path} cannot be read. Check the path and its permissions.`, { cause });
      });
      if (text.length > LONGEST_TEXT) throw new AppError('bad-data', `${path} is too long for a sweep.`);
      return { file: basename(path), text };
    },
    'sweeps.read': async ({ text, preset }) => {
      const opened = await library();
      return readText(text, preset, await opened.catalogue(), opened.datasets.list());
    },
    'sweeps.write': async (request) => writeText(request, (await library()).datasets.list()),
    'sweeps.preview': async ({ request, many }) => {
      const asked = boundedTrainings(request);
      if (asked > MANY_TRAININGS && !many) return { asked, plan: null };
      const { sweeps } = await library();
      return { asked, plan: planOf(await sweeps.preview(request)) };
    },
    'sweeps.create': async (request) => {
      boundedTrainings(request);
      const opened = await library();
      await opened.sweeps.preview(request);
      const made = await opened.sweeps.create(request);
      drivers.start(opened, made.id);
      return made;
    },
    'sweeps.run': async ({ id }) => {
      const opened = await library();
      drivers.start(opened, opened.sweeps.get(id).id);
    },
    'sweeps.cancel': async ({ id }) => {
      const opened = await library();
      drivers.cancel(opened, opened.sweeps.get(id).id);
    },
    'sweeps.table': async ({ id }) => (await library()).sweeps.table(id),
  };
}

function planOf(preview: Awaited<ReturnType<Library['sweeps']['preview']>>): SweepPlan {
  const { expansion, trainings, trainedBefore, measurements, checks, galleries, seconds, notes } = preview;
  const { groups, surrogates } = expansion;
  return {
    rows: groups.map(({ label, varied, trainings: own }) => ({ label, varied, seeds: own.map(({ seed }) => seed) })),
    surrogates: surrogates.map(({ name, label, seed }) => ({ name, label, seed })),
    trainings,
    trainedBefore,
    measurements,
    checks,
    galleries,
    seconds,
    notes: [...notes],
  };
}

async function rowsOf(opened: Library, drivers: SweepDrivers): Promise<SweepRow[]> {
  const catalogue = await opened.catalogue();
  return opened.sweeps.list().map(({ id, name, created, request }) => {
    const { groups, surrogates } = expandSweep(request, catalogue);
    const models = new Set(groups.flatMap(({ trainings }) => trainings.map(({ key }) => key)));
    const { driven, stopped, failed } = drivers.attempt(id);
    return {
      id,
      name,
      created,
      request,
      trainings: new Set([...models, ...surrogates.map(({ key }) => key)]).size,
      models: models.size,
      parts: [...opened.sweeps.parts(id)],
      driven,
      elsewhere: !driven && runsElsewhere(opened, id),
      stopped,
      failed: [...failed],
    };
  });
}
