import type { ModelSummary } from '../../shared/domain/model.ts';
import type { ChartLine } from '../charts/line-chart.ts';
import { chartColour, chartDash, type ThemeName } from '../charts/theme.ts';
import type { ModelCurve } from './result-curves.ts';

/** Curves of models as lines of a chart, each in its model's colour and dash. */
export function modelLines(
  curves: readonly ModelCurve[],
  models: ReadonlyMap<string, ModelSummary>,
  theme: ThemeName,
): readonly ChartLine[] {
  return curves.map(({ model, points }) => {
    const slot = models.get(model)?.colour ?? 0;
    return {
      key: model,
      name: models.get(model)?.name ?? model,
      colour: chartColour(slot, theme),
      dash: chartDash(slot),
      markers: points.length <= 12,
      points,
    };
  });
}
