import { AppError } from '../../../shared/domain/errors.ts';
import type { PlanFigure } from '../../../shared/domain/plan.ts';
import type { Library } from '../library.ts';
import { footnotes, markedLabel, markedModels, markedName } from '../marks.ts';
import { curveFigure } from './curve.ts';
import { fileName, type ExportedFile } from './exports.ts';
import { heatFigure } from './heat.ts';
import { withNotes } from './notes.ts';
import { attacksBehind, sourceNotesOf } from './plan-marks.ts';
import { renderFigure } from './render.ts';
import type { SvgFigure } from './svg-document.ts';

const AXES = { epsilon: 'ε', iterations: 'iterations', restarts: 'restarts', queries: 'queries' } as const;

/** One picture of a plan at a paper's size. @throws AppError `not-found` where there is nothing to draw yet. */
export async function exportPlanFigure(library: Library, request: PlanFigure): Promise<ExportedFile> {
  const { name } = library.plans.get(request.id);
  return {
    name: `${fileName(name)}-${request.what}.${request.format}`,
    bytes: await renderFigure(await draw(library, request), request.format),
  };
}

async function draw(library: Library, request: PlanFigure): Promise<SvgFigure> {
  const { plans, models } = library;
  const known = new Map(models.list().map((model) => [model.id, model]));
  const result = await plans.result(request.id);
  const marked = markedModels(library, plans.get(request.id).request.dataset);
  const nameOf = (id: string): string => markedName(marked(id));
  const percent = (share: number): string => (100 * share).toFixed(1);
  switch (request.what) {
    case 'curve': {
      const curves = (await plans.curves(request.id))[request.over].filter(
        ({ label, norm }) => label === request.label && norm === request.norm,
      );
      if (curves.length === 0) throw nothing();
      const attacks = curves.flatMap(({ model, column }) => attacksBehind(result, column, [model]));
      const weak = attacks.find((attack) => attack.weak !== null)?.weak ?? null;
      const figure = curveFigure({
        series: curves.flatMap(({ model, x, accuracy, seeds, lowest, highest }) => {
          const slot = known.get(model)?.colour ?? 0;
          const line = { name: nameOf(model), colour: slot, dash: slot };
          const ends = seeds > 1 ? [lowest, highest] : [];
          return [
            ...ends.map((end) => ({ ...line, name: `${line.name}, over seeds`, faint: true, points: steps(x, end) })),
            { ...line, points: steps(x, accuracy) },
          ];
        }),
        xLabel: AXES[request.over],
        yLabel: markedLabel({ label: 'robust accuracy', weak }),
        yRange: [0, 1],
      });
      const shown = curves.map(({ model }) => marked(model));
      return withNotes(figure, footnotes(shown, attacks));
    }
    case 'matrix': {
      const matrix = result.matrices.find(({ attackKey }) => attackKey === request.attackKey);
      if (!matrix) throw nothing();
      const shares = matrix.rows.flatMap(({ accuracy }) => Object.values(accuracy));
      const [low, high] = [Math.min(...shares), Math.max(...shares)];
      const weak = result.columns.find(({ attackKey }) => attackKey === matrix.attackKey)?.weak ?? null;
      const sources = matrix.rows.flatMap(({ source }) => source);
      const attack = { label: matrix.label, weak };
      const figure = heatFigure({
        title: markedLabel(attack),
        rowTitle: 'x′ made on',
        columnTitle: 'judged on',
        columns: result.models.map(nameOf),
        rows: matrix.rows.map(({ source, accuracy }) => ({
          label: source.length === 0 ? 'the model itself' : source.map(nameOf).join(' + '),
          cells: result.models.map((model) => {
            const share = accuracy[model];
            return share === undefined ? null : { value: 100 * share, text: percent(share) };
          }),
        })),
        scale: low < high ? [100 * low, 100 * high] : [0, 100],
        unit: 'robust accuracy, %',
      });
      const shown = [...new Set([...result.models, ...sources])];
      return withNotes(figure, [...footnotes(shown.map(marked), [attack]), ...sourceNotesOf(result)]);
    }
    case 'confusion': {
      const { id, model, column, when } = request;
      const found = await plans.classes(id, model, column);
      const counts = found[when];
      const lost = counts.some((row) => (row[found.classes.length] ?? 0) > 0);
      const columns = lost ? [...found.classes, 'none'] : found.classes;
      const attacks = when === 'after' ? attacksBehind(result, column, [model]) : [];
      const figure = heatFigure({
        title: `${nameOf(model)}, ${when} the attack`,
        rowTitle: 'class',
        columnTitle: 'taken for',
        columns,
        rows: counts.map((row, label) => {
          const sum = row.reduce((total, count) => total + count, 0);
          return {
            label: found.classes[label] ?? String(label),
            cells: columns.map((_, at) => ({
              value: sum > 0 ? (100 * (row[at] ?? 0)) / sum : 0,
              text: (row[at] ?? 0) === 0 ? '' : String(row[at]),
            })),
          };
        }),
        scale: [0, 100],
        unit: '% of the class',
      });
      return withNotes(figure, footnotes([marked(model)], attacks));
    }
  }
}

/** Each value holds up to the next x. */
function steps(x: readonly number[], accuracy: readonly number[]): (readonly [number, number])[] {
  return x.flatMap((at, position): (readonly [number, number])[] => {
    const now = accuracy[position] ?? Number.NaN;
    const before = position > 0 ? accuracy[position - 1] : undefined;
    return before === undefined || before === now
      ? [[at, now]]
      : [
          [at, before],
          [at, now],
        ];
  });
}

function nothing(): AppError {
  return new AppError('not-found', 'There is nothing to draw yet: this part of the plan has not been run.');
}
