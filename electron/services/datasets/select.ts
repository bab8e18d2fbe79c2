import { EXCLUDED } from '../../../shared/domain/dataset.ts';
import {
  evaluateFilter,
  type FilterAttack,
  type FilterColumn,
  type FilterData,
} from '../../../shared/domain/dataset-filter.ts';
import type { DatasetQuery, DatasetSelection } from '../../../shared/domain/dataset-view.ts';
import { FilterProblem, parseFilter, termsOf, type FilterTree } from '../../../shared/domain/filter-tree.ts';
import { SPLITS } from '../../../shared/domain/shape.ts';
import type { StoredModel } from '../../store/models.ts';
import type { Store } from '../../store/store.ts';
import { breathe } from './breathe.ts';
import { fittingModels } from './fitting.ts';
import type { ItemIndex, OpenSet } from './open-sets.ts';
import { numberKeys, ordered, wholeKeys } from './order.ts';
import { readPredictions, type Predictions } from './predictions.ts';

/** Images that a filter looks at in one go: some milliseconds. */
const SLICE = 16_384;
/** Attack results read in one go: some milliseconds. */
const CHUNK = 5_000;
const NOT_OF_ITEMS =
  /^(class|label|split|position|excluded|predicted\..*|wrong\..*|confidence\..*|broken\..*|attacked\..*|distance\..*)$/;
const OF_MODEL = /^(?:predicted|wrong|confidence)\.(.+)$/;
const OF_EVALUATION = /^(?:broken|attacked|distance)\.([^.]+)(?:\.(.+))?$/;

/** What a filter and an order speak of, read before they are applied. */
interface Loaded {
  readonly items: ItemIndex | null;
  readonly predictions: ReadonlyMap<string, Predictions>;
  readonly attacks: ReadonlyMap<string, FilterAttack>;
}

/** The images that a query takes, in its order. What is wrong with the query is said in the answer. */
export async function select(store: Store, set: OpenSet, query: DatasetQuery): Promise<DatasetSelection> {
  const unpredicted: string[] = [];
  try {
    const tree = parseFilter(query.filter);
    const data = await load(store, set, tree, query.sort.by, unpredicted);
    const mask = await maskOf(tree, filterData(store, set, data));
    const keys = await keysOf(store, set, data, query.sort.by, query.sort.descending);
    const taken = positionsOf(mask);
    const sorted = keys === null ? (query.sort.descending ? taken.reverse() : taken) : ordered(taken, keys);
    return { ...grouped(set, sorted, query.groupBy), problem: null, problemAt: null, unpredicted };
  } catch (thrown) {
    if (!(thrown instanceof FilterProblem)) throw thrown;
    const problemAt: [number, number] | null = thrown.place && [...thrown.place];
    return { positions: new Uint32Array(), groups: [], problem: thrown.message, problemAt, unpredicted };
  }
}

async function load(store: Store, set: OpenSet, tree: FilterTree, by: string, unpredicted: string[]): Promise<Loaded> {
  const fields = [...new Set([...termsOf(tree).map(({ field }) => field), by])];
  const needsItems = fields.some((field) => field === null || !NOT_OF_ITEMS.test(field));
  const items = needsItems ? await set.items() : null;
  const predictions = new Map<string, Predictions>();
  const attacks = new Map<string, FilterAttack>();
  for (const field of fields) {
    const named = field === null ? undefined : OF_MODEL.exec(field)?.[1];
    const model = named === undefined ? undefined : findModel(store, set, named);
    if (model && !predictions.has(model.id)) {
      const made = await readPredictions(store, model, set.manifest);
      if (made) predictions.set(model.id, made);
      else unpredicted.push(model.id);
    }
    const [, evaluation, target = null] = (field === null ? null : OF_EVALUATION.exec(field)) ?? [];
    if (evaluation === undefined) continue;
    const attack = await attackOf(store, set, evaluation, target);
    if (attack) attacks.set(keyOf(evaluation, target), attack);
  }
  return { items, predictions, attacks };
}

const keyOf = (evaluation: string, model: string | null): string => `${evaluation} ${model ?? ''}`;

/** By its id, the beginning of one that only one model has, or its name. */
function findModel(store: Store, { manifest }: OpenSet, text: string): StoredModel | undefined {
  const models = fittingModels(store, manifest);
  const wanted = text.toLowerCase();
  const exact = models.find(({ id }) => id === wanted);
  const matches = models.filter(({ id, name }) => id.startsWith(wanted) || name.toLowerCase() === wanted);
  return exact ?? (matches.length === 1 ? matches[0] : undefined);
}

async function attackOf(
  store: Store,
  { manifest }: OpenSet,
  id: string,
  model: string | null,
): Promise<FilterAttack | null> {
  const row = store.evaluations.get(id);
  if (row?.state !== 'done' || row.request.dataset !== manifest.id) return null;
  if (model !== null && !row.request.targets.includes(model)) return null;
  const attacked = new Uint8Array(manifest.images);
  const broken = new Uint8Array(manifest.images);
  const distance = new Float64Array(manifest.images).fill(Number.NaN);
  for (const target of model === null ? row.request.targets : [model]) {
    for (let first = 0; ; first += CHUNK) {
      const outcomes = store.evaluations.outcomes(id, target, first, first + CHUNK);
      for (const outcome of outcomes) {
        const { position } = outcome;
        attacked[position] = 1;
        broken[position] = Math.max(broken[position] ?? 0, outcome.broken);
        const known = distance[position] ?? Number.NaN;
        if (outcome.distance !== null)
          distance[position] = Number.isNaN(known) ? outcome.distance : Math.min(known, outcome.distance);
      }
      if (outcomes.length < CHUNK) break;
      await breathe();
    }
  }
  return { attacked, broken, distance };
}

function filterData(store: Store, set: OpenSet, { items, predictions, attacks }: Loaded): FilterData {
  const { manifest, labels, splits } = set;
  return {
    first: 0,
    images: manifest.images,
    classes: manifest.classes,
    labels,
    splits,
    numbers: (name) => items?.numbers[name] ?? null,
    names: items?.names ?? null,
    texts: items?.texts ?? null,
    columns: items?.columns ?? new Map(),
    prediction: (text) => {
      const model = findModel(store, set, text);
      if (model) return predictions.get(model.id) ?? null;
      throw new FilterProblem(`There is no model ${text} that takes the images of ${manifest.name}.`, null);
    },
    evaluation: (id, model) => attacks.get(keyOf(id, model)) ?? null,
  };
}

async function maskOf(tree: FilterTree, data: FilterData): Promise<Uint8Array> {
  const mask = new Uint8Array(data.images);
  for (let start = 0; start < mask.length; start += SLICE) {
    mask.set(evaluateFilter(tree, sliceOf(data, start, Math.min(start + SLICE, mask.length))), start);
    await breathe();
  }
  return mask;
}

function sliceOf(data: FilterData, start: number, end: number): FilterData {
  const column = (whole: FilterColumn): FilterColumn =>
    whole.type === 'number'
      ? { type: 'number', values: whole.values.subarray(start, end) }
      : { type: 'text', values: whole.values.slice(start, end) };
  return {
    first: start,
    images: end - start,
    classes: data.classes,
    labels: data.labels.subarray(start, end),
    splits: data.splits.subarray(start, end),
    numbers: (name) => data.numbers(name)?.subarray(start, end) ?? null,
    names: data.names?.slice(start, end) ?? null,
    texts: data.texts?.slice(start, end) ?? null,
    columns: new Map([...data.columns].map(([name, whole]) => [name, column(whole)])),
    prediction: (model) => {
      const made = data.prediction(model);
      return (
        made && { predicted: made.predicted.subarray(start, end), confidence: made.confidence.subarray(start, end) }
      );
    },
    evaluation: (id, model) => {
      const attack = data.evaluation(id, model);
      return (
        attack && {
          attacked: attack.attacked.subarray(start, end),
          broken: attack.broken.subarray(start, end),
          distance: attack.distance.subarray(start, end),
        }
      );
    },
  };
}

function positionsOf(mask: Uint8Array): Uint32Array<ArrayBuffer> {
  let count = 0;
  for (const taken of mask) count += taken;
  const positions = new Uint32Array(count);
  let next = 0;
  for (let position = 0; position < mask.length; position += 1) if (mask[position] === 1) positions[next++] = position;
  return positions;
}

/** Null: by position. @throws FilterProblem for an order that is none. */
async function keysOf(
  store: Store,
  set: OpenSet,
  { items, predictions, attacks }: Loaded,
  by: string,
  descending: boolean,
): Promise<Uint32Array | null> {
  const unknown = (what: string): FilterProblem =>
    new FilterProblem(`Images cannot be ordered by “${by}”: ${what}`, null);
  const earlier = unknown('this data set was imported by an earlier version, which did not keep it.');
  switch (by) {
    case 'position':
      return null;
    case 'class':
      return wholeKeys(set.labels, descending);
    case 'split':
      return wholeKeys(set.splits, descending);
    case 'name': {
      const ranks = await set.nameRanks();
      if (!ranks) throw earlier;
      return wholeKeys(ranks, descending);
    }
    case 'width':
    case 'height':
    case 'brightness':
    case 'contrast':
      if (!items) throw earlier;
      return numberKeys(items.numbers[by], descending);
  }
  const family = by.slice(0, by.indexOf('.'));
  const rest = by.slice(by.indexOf('.') + 1);
  if (family === 'column') {
    const column = items?.columns.get(rest);
    if (column?.type === 'number') return numberKeys(column.values, descending);
    const ranks = await set.columnRanks(rest);
    if (!ranks) throw unknown('there is no such column.');
    return wholeKeys(ranks, descending);
  }
  if (family === 'confidence' || family === 'predicted') {
    const model = findModel(store, set, rest);
    const made = model && predictions.get(model.id);
    if (!made) throw unknown('there are no such predictions. Make them first.');
    return family === 'predicted' ? wholeKeys(made.predicted, descending) : numberKeys(made.confidence, descending);
  }
  const [id = '', model = null] = rest.split('.');
  const attack = family === 'distance' ? attacks.get(keyOf(id, model)) : undefined;
  if (attack) return numberKeys(attack.distance, descending);
  throw unknown(
    'there are position, class, split, name, width, height, brightness, contrast, column.NAME, predicted.MODEL, confidence.MODEL and distance.EVALUATION.',
  );
}

function grouped(
  { manifest, labels, splits }: OpenSet,
  sorted: Uint32Array,
  groupBy: DatasetQuery['groupBy'],
): Pick<DatasetSelection, 'positions' | 'groups'> {
  const own = (positions: Uint32Array): Uint32Array<ArrayBuffer> => positions as Uint32Array<ArrayBuffer>;
  if (groupBy === 'none') {
    return { positions: own(sorted), groups: sorted.length > 0 ? [{ label: '', start: 0, count: sorted.length }] : [] };
  }
  const labelsOf = groupBy === 'class' ? manifest.classes : [...SPLITS, 'excluded'];
  const groupOf = (position: number): number => {
    if (groupBy === 'class') return labels[position] ?? 0;
    const split = splits[position] ?? 0;
    return split === EXCLUDED ? SPLITS.length : split;
  };
  const counts = new Uint32Array(labelsOf.length);
  for (const position of sorted) counts[groupOf(position)] = (counts[groupOf(position)] ?? 0) + 1;
  let start = 0;
  const groups = labelsOf.map((label, group) => {
    const count = counts[group] ?? 0;
    const stretch = { label, start, count };
    start += count;
    return stretch;
  });
  const next = Uint32Array.from(groups, (group) => group.start);
  const positions = new Uint32Array(sorted.length);
  for (const position of sorted) {
    const group = groupOf(position);
    const place = next[group] ?? 0;
    positions[place] = position;
    next[group] = place + 1;
  }
  return { positions, groups: groups.filter(({ count }) => count > 0) };
}
