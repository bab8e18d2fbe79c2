import type { CallContext } from './context.ts';
import type { Handlers } from './dispatch.ts';

type WorkCalls =
  | 'runs.create'
  | 'runs.goOn'
  | 'runs.model'
  | 'runs.points'
  | 'evaluations.create'
  | 'evaluations.examples'
  | 'evaluations.table'
  | 'evaluations.trajectory'
  | 'plans.create'
  | 'plans.estimate'
  | 'plans.extend'
  | 'plans.run'
  | 'plans.pause'
  | 'plans.cancel'
  | 'plans.result'
  | 'plans.curves'
  | 'plans.classes'
  | 'plans.compare'
  | 'galleries.create'
  | 'checks.create'
  | 'jobs.pause'
  | 'jobs.resume'
  | 'jobs.cancel'
  | 'jobs.move';

export function workCalls({ library }: CallContext): Pick<Handlers, WorkCalls> {
  return {
    'runs.create': async (config) => (await library()).runs.create(config),
    'runs.goOn': async (change) => (await library()).runs.goOn(change),
    'runs.model': async ({ id, weights }) => (await library()).runs.model(id, weights),
    'runs.points': async ({ id, after }) => [...(await (await library()).runs.points(id, after))],
    'evaluations.create': async (request) => (await library()).evaluations.create(request),
    'evaluations.examples': async (query) => (await library()).evaluations.examples(query),
    'evaluations.table': async ({ dataset }) => (await library()).evaluations.table(dataset),
    'evaluations.trajectory': async (request) => (await library()).evaluations.trajectory(request),
    'plans.create': async (request) => (await library()).plans.create(request),
    'plans.estimate': async ({ request, id }) => (await library()).plans.estimate(request, id),
    'plans.extend': async (change) => (await library()).plans.extend(change),
    'plans.run': async ({ id }) => (await library()).plans.run(id),
    'plans.pause': async ({ id }) => (await library()).plans.pause(id),
    'plans.cancel': async ({ id }) => (await library()).plans.cancel(id),
    'plans.result': async ({ id }) => (await library()).plans.result(id),
    'plans.curves': async ({ id }) => (await library()).plans.curves(id),
    'plans.classes': async ({ id, model, column }) => (await library()).plans.classes(id, model, column),
    'plans.compare': async ({ id, column }) => (await library()).plans.compare(id, column),
    'galleries.create': async (request) => (await library()).galleries.create(request),
    'checks.create': async (request) => (await library()).checks.create(request),
    'jobs.pause': async ({ id }) => (await library()).jobs.pause(id),
    'jobs.resume': async ({ id }) => (await library()).jobs.resume(id),
    'jobs.cancel': async ({ id }) => (await library()).jobs.cancel(id),
    'jobs.move': async ({ id, position }) => (await library()).jobs.move(id, position),
  };
}
