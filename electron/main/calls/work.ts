import type { CallContext } from './context.ts';
import type { Handlers } from './dispatch.ts';

type WorkCalls =
  | 'runs.create'
  | 'runs.points'
  | 'evaluations.create'
  | 'evaluations.examples'
  | 'evaluations.table'
  | 'galleries.create'
  | 'jobs.pause'
  | 'jobs.resume'
  | 'jobs.cancel'
  | 'jobs.move';

export function workCalls({ library }: CallContext): Pick<Handlers, WorkCalls> {
  return {
    'runs.create': async (config) => (await library()).runs.create(config),
    'runs.points': async ({ id, after }) => [...(await (await library()).runs.points(id, after))],
    'evaluations.create': async (request) => (await library()).evaluations.create(request),
    'evaluations.examples': async (query) => (await library()).evaluations.examples(query),
    'evaluations.table': async ({ dataset }) => (await library()).evaluations.table(dataset),
    'galleries.create': async (request) => (await library()).galleries.create(request),
    'jobs.pause': async ({ id }) => (await library()).jobs.pause(id),
    'jobs.resume': async ({ id }) => (await library()).jobs.resume(id),
    'jobs.cancel': async ({ id }) => (await library()).jobs.cancel(id),
    'jobs.move': async ({ id, position }) => (await library()).jobs.move(id, position),
  };
}
