import { strToU8 } from 'fflate';
import { AppError } from '../../../shared/domain/errors.ts';
import type { PlanExport } from '../../../shared/domain/plan.ts';
import type { Library } from '../library.ts';
import { markedModels } from '../marks.ts';
import { fileName, type ExportedFile } from './exports.ts';
import { attacksBehind } from './plan-marks.ts';
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
  const names: PlanNames = {
    plan: name,
    dataset: manifest.name,
    datasetHash: manifest.hash,
    modelOf: markedModels(library, plan.dataset),
  };
  return {
    name: `${fileName(name)}-${what}.${format === 'csv' ? 'csv' : 'tex'}`,
    bytes: strToU8(await textOf(library, request, names)),
  };
}

async function textOf({ plans }: Library, request: PlanExport, names: PlanNames): Promise<string> {
  const { id, format } = request;
  const result = await plans.result(id);
  switch (request.what) {
    case 'table':
      return format === 'csv' ? planTableCsv(result, names) : planTableLatex(result, names);
    case 'matrix': {
      const matrix = result.matrices.find(({ attackKey }) => attackKey === request.attackKey);
      if (!matrix) throw new AppError('not-found', 'The plan has no such matrix: it needs more than one source.');
      return matrixTable(result, matrix, names, format);
    }
    case 'comparison':
      return comparisonTable(result, request.column, await plans.compare(id, request.column), names, format);
    case 'curves':
      return curvesCsv(result, await plans.curves(id), names);
    case 'classes':
    case 'confusion': {
      const { model, column, what } = request;
      const found = await plans.classes(id, model, column);
      const shown = { model: names.modelOf(model), attacks: attacksBehind(result, column, [model]) };
      return what === 'classes' ? classesTable(found, shown, format) : confusionTable(found, shown, format);
    }
  }
}
