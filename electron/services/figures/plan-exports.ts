import { strToU8 } from 'fflate';
import { AppError } from '../../../shared/domain/errors.ts';
import type { PlanExport } from '../../../shared/domain/plan.ts';
import { checkText, stateOf } from '../check-text.ts';
import type { Library } from '../library.ts';
import { fileName, type ExportedFile } from './exports.ts';
import {
  classesTable,
  comparisonTable,
  confusionTable,
  curvesCsv,
  matrixTable,
  planTableCsv,
  planTableLatex,
} from './plan-tables.ts';
import type { PlanNames } from './plan-tables.ts';

/** One table of a plan as a file. @throws AppError `not-found` where there is nothing to show yet. */
export async function exportPlan(library: Library, request: PlanExport): Promise<ExportedFile> {
  const { id, what, format } = request;
  const { name, request: plan } = library.plans.get(id);
  const { manifest } = library.datasets.get(plan.dataset);
  const models = new Map(library.models.list().map((model) => [model.id, model.name]));
  const names: PlanNames = {
    plan: name,
    dataset: manifest.name,
    datasetHash: manifest.hash,
    modelName: (model) => models.get(model) ?? 'a deleted model',
    checkOf: (model) => checkText(stateOf(library.checks.list(), model, plan.dataset)),
  };
  return {
    name: `${fileName(name)}-${what}.${format === 'csv' ? 'csv' : 'tex'}`,
    bytes: strToU8(await textOf(library, request, names)),
  };
}

async function textOf({ plans }: Library, request: PlanExport, names: PlanNames): Promise<string> {
  const { id, format } = request;
  switch (request.what) {
    case 'table': {
      const result = await plans.result(id);
      return format === 'csv' ? planTableCsv(result, names) : planTableLatex(result, names);
    }
    case 'matrix': {
      const { matrices, models } = await plans.result(id);
      const matrix = matrices.find(({ attackKey }) => attackKey === request.attackKey);
      if (!matrix) throw new AppError('not-found', 'The plan has no such matrix: it needs more than one source.');
      return matrixTable(matrix, models, names, format);
    }
    case 'comparison':
      return comparisonTable(await plans.compare(id, request.column), names, format);
    case 'curves':
      return curvesCsv(await plans.curves(id), names);
    case 'classes':
      return classesTable(await plans.classes(id, request.model, request.column), format);
    case 'confusion':
      return confusionTable(await plans.classes(id, request.model, request.column), format);
  }
}
