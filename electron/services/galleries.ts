import { AppError } from '../../shared/domain/errors.ts';
import { galleryRequest } from '../../shared/domain/gallery.ts';
import type { GalleryRequest } from '../../shared/domain/gallery.ts';
import { newId } from '../../shared/domain/ids.ts';
import { requireTransferable } from '../compute/attacks/plan.ts';
import type { ResolvedAttack } from '../compute/attacks/registry.ts';
import { engineForJob } from './engines.ts';
import { parseInput } from './inputs.ts';
import type { Library } from './library.ts';
import type { ModuleService } from './modules/service.ts';
import { addJob, missing, requireDataset, requireFit, requireLayers, requireModel } from './session.ts';
import type { Session } from './session.ts';

export function galleryService(
  session: Session,
  preferences: Library['preferences'],
  modules: ModuleService,
): Library['galleries'] {
  const { store } = session;
  const get: Library['galleries']['get'] = (id) => store.galleries.get(id) ?? missing('gallery', id);
  return {
    get,
    folder: (id) => store.folder.of('gallery', get(id).id),
    create: async (input, added) => {
      const parsed = parseInput(galleryRequest, input, 'gallery');
      const asked = { ...parsed, attack: await modules.pin(parsed.attack) };
      const { settings } = await checkRequest(session, asked);
      const engine = engineForJob(asked.engine, preferences.get().engine);
      const request = { ...asked, engine, attack: { ...asked.attack, settings } };
      const id = newId('gallery');
      const models =
        request.models.length === 1
          ? requireModel(store, request.models[0] ?? '').name
          : `${request.models.length} models`;
      const name =
        request.name || `${models}, ${request.indices.length} ${request.indices.length === 1 ? 'example' : 'examples'}`;
      const created = new Date().toISOString();
      addJob(session, { id, kind: 'attention', title: `Attention of ${name}` }, () => {
        store.galleries.add({ id, name, request, created });
        added?.(id);
      });
      return { id };
    },
  };
}

/** @returns the attack with every default written out, the step size included. */
async function checkRequest({ store }: Session, request: GalleryRequest): Promise<ResolvedAttack> {
  const [{ resolveAttack }, { buildNetwork }] = await Promise.all([
    import('../compute/attacks/registry.ts'),
    import('../compute/models/network.ts'),
  ]);
  const dataset = requireDataset(store, request.dataset);
  const beyond = request.indices.find((index) => index >= dataset.manifest.images);
  if (beyond !== undefined) {
    throw new AppError(
      'invalid-input',
      `indices: ${dataset.manifest.name} has images 0 to ${dataset.manifest.images - 1}; ${beyond} is not one.`,
      { details: { field: 'indices', found: beyond } },
    );
  }
  const attack = resolveAttack(request.attack);
  requireTransferable(attack.plan);
  const models = request.models.map((id) => requireModel(store, id));
  const others = [request.source, request.reference].flatMap((id) => (id === null ? [] : [requireModel(store, id)]));
  for (const model of [...models, ...others]) {
    requireFit(model, dataset);
    requireLayers(model);
  }
  if (request.source !== null && request.models.includes(request.source)) {
    throw new AppError(
      'source-is-target',
      'source: the source model is among the models shown. Choose another, or none for white-box attacks.',
      {
        details: { field: 'source', source: request.source },
      },
    );
  }
  if (request.layer === 'last') return attack;
  for (const model of [...models, ...others.filter((other) => other.id === request.reference)]) {
    const { architecture, architectureSettings: settings, inputShape, classes } = model;
    const layers = buildNetwork(architecture, inputShape, classes, false, { settings }).taps.map((tap) => tap.name);
    if (layers.includes(request.layer)) continue;
    throw new AppError(
      'invalid-input',
      `layer: ${model.name} has no layer ${request.layer}; it has ${layers.join(', ')}.`,
      {
        details: { field: 'layer', found: request.layer, model: model.id },
      },
    );
  }
  return attack;
}
