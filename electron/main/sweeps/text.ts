import { Document, isCollection, isPair, isScalar, isSeq, visit } from 'yaml';
import type { Catalogue } from '../../../shared/domain/catalogue.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { exampleChoice } from '../../../shared/domain/evaluation.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import type { DatasetRow } from '../../../shared/domain/library.ts';
import type { SweepFile, SweepRequest } from '../../../shared/domain/sweep.ts';
import type { SweepFault, SweepReading } from '../../../shared/domain/sweep-view.ts';
import { datasetAsked, readSweep, sweepName, withPreset } from '../../services/sweeps/read.ts';

/** Stands for a file's name in front of a line's number. */
const TEXT = 'text';
const PLACE = new RegExp(`^${TEXT}, line (\\d+), column (\\d+): (.*)$`);

/** What a text asks for on the library's data sets; what is wrong with it comes back as faults with their places. */
export function readText(
  text: string,
  preset: string | undefined,
  catalogue: Catalogue,
  datasets: readonly DatasetRow[],
): SweepReading {
  let file: SweepFile;
  try {
    file = readSweep(text, TEXT, catalogue);
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    return { faults: thrown.message.split('\n').map(faultOf), presets: [], content: null };
  }
  const presets = Object.keys(file.presets ?? {});
  // A preset that the text no longer has counts as none.
  const chosen = preset !== undefined && presets.includes(preset) ? preset : undefined;
  const parts = withPreset(file, chosen);
  const asked = datasetAsked(file, chosen);
  const datasetName = typeof asked === 'string' ? asked : asked.name;
  return {
    faults: [],
    presets,
    content: {
      name: sweepName(file, chosen),
      parts,
      datasetName,
      dataset: datasetNamed(datasetName, datasets),
    },
  };
}

function faultOf(line: string): SweepFault {
  const [, row = '1', column = '1', message = line] = PLACE.exec(line) ?? [];
  return { line: Number(row), column: Number(column), message };
}

/** The newest data set of that name or id. */
function datasetNamed(name: string, datasets: readonly DatasetRow[]): EntityId | null {
  return datasets.findLast(({ id, manifest }) => id === name || manifest.name === name)?.id ?? null;
}

/** A sweep as YAML that gives it again, its data set by name; what is usual is left out. */
export function writeText(
  { name, dataset, evaluate, ...parts }: SweepRequest,
  datasets: readonly DatasetRow[],
): string {
  const named = datasets.find(({ id }) => id === dataset)?.manifest.name ?? dataset;
  const content = { name, dataset: named, ...parts, ...(evaluate && { evaluate: tidied(evaluate) }) };
  const document = new Document(content);
  visit(document, {
    Collection: (_, node, path) => {
      // The root and what it holds are lines of their own, and so are attacks; what is inside them is short.
      const depth = path.filter(isCollection).length;
      const plain = node.items.every((item) => isScalar(isPair(item) ? item.value : item));
      const isBlock = depth === 0 || (depth === 1 && !(isSeq(node) && plain)) || (depth === 2 && isSeq(node) && !plain);
      node.flow = !isBlock;
    },
  });
  return document.toString({ lineWidth: 110, flowCollectionPadding: true });
}

function tidied({ attacks, examples, ...others }: NonNullable<SweepRequest['evaluate']>): object {
  return {
    attacks: attacks.map((attack) => {
      if (typeof attack === 'string') return attack;
      const { settings, epsilons, ...own } = attack;
      return {
        ...own,
        ...(Object.keys(settings).length > 0 && { settings }),
        ...(epsilons !== null && { epsilons }),
      };
    }),
    ...others,
    ...(examples && { examples: without(examples, exampleChoice.parse({})) }),
  };
}

/** What differs from the usual. */
function without(values: object, usual: object): object {
  const standard = new Map(Object.entries(usual));
  return Object.fromEntries(Object.entries(values).filter(([key, value]) => standard.get(key) !== value));
}
