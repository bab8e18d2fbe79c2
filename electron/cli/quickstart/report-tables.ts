import { h, type VNode } from 'vue';
import { THREATS } from '../../../shared/domain/evaluation.ts';
import { iterationsIn, type Report, type ReportResult } from './report-data.ts';

/** Models down, attacks across, grouped by threat; intervals beside the numbers. */
export function resultTable(report: Report): VNode {
  const groups = THREATS.map((threat) => ({ threat, attacks: attacksOf(report, threat) })).filter(
    ({ attacks }) => attacks.length > 0,
  );
  const names = report.models.filter(({ role }) => role === 'compared').map(({ name }) => name);
  const find = (model: string, threat: string, attack: string): ReportResult | undefined =>
    report.results.find((one) => one.model === model && one.threat === threat && one.attack === attack);
  return h('table', [
    h('thead', [
      h('tr', [
        h('th', { rowspan: 2 }, 'model'),
        h('th', { rowspan: 2 }, 'clean'),
        ...groups.map(({ threat, attacks }) => h('th', { colspan: attacks.length, class: 'group' }, threat)),
      ]),
      h(
        'tr',
        groups.flatMap(({ attacks }) => attacks.map((attack) => h('th', attack))),
      ),
    ]),
    h(
      'tbody',
      names.map((name) => {
        const clean = report.results.find(({ model }) => model === name)?.cleanAccuracy ?? null;
        return h('tr', [
          h('td', [name, h('span', { class: 'interval' }, `masking check: ${verdictOf(report, name)}`)]),
          h('td', clean === null ? '–' : points(clean)),
          ...groups.flatMap(({ threat, attacks }) => attacks.map((attack) => resultCell(find(name, threat, attack)))),
        ]);
      }),
    ),
  ]);
}

function verdictOf(report: Report, name: string): string {
  return report.checks.find(({ model }) => model === name)?.verdict ?? 'not checked';
}

/** Attacks of one threat, weakest first. */
function attacksOf(report: Report, threat: string): string[] {
  const labels = new Set(report.results.filter((one) => one.threat === threat).map(({ attack }) => attack));
  return [...labels].sort((a, b) => iterationsIn(a) - iterationsIn(b));
}

function resultCell(result: ReportResult | undefined): VNode {
  if (!result) return h('td', '–');
  const [low, high] = result.interval;
  const mark = result.weak === null ? [] : [h('sup', { title: result.weak }, '†')];
  return h('td', [
    points(result.robustAccuracy),
    ...mark,
    h('span', { class: 'interval' }, `${points(low)}–${points(high)}`),
  ]);
}

/** Parts of the masking check down, models across; the figure that decides beside each verdict. */
export function checkTable(report: Report): VNode {
  const titles = report.checks[0]?.items.map(({ item, title }) => ({ item, title })) ?? [];
  const verdictCell = (verdict: string, figure: string): VNode =>
    h('td', [h('span', { class: `verdict ${verdict}` }, verdict), h('span', { class: 'interval' }, figure)]);
  return h('table', [
    h('thead', [h('tr', [h('th', { class: 'text' }, 'part'), ...report.checks.map(({ model }) => h('th', model))])]),
    h('tbody', [
      h('tr', [
        h('th', { class: 'text' }, 'overall'),
        ...report.checks.map(({ verdict, worstAccuracy }) =>
          verdictCell(verdict, `${points(worstAccuracy)} left by all its attacks`),
        ),
      ]),
      ...titles.map(({ item, title }) =>
        h('tr', [
          h('td', { class: 'text' }, title),
          ...report.checks.map(({ items }) => {
            const found = items.find((one) => one.item === item);
            return found ? verdictCell(found.verdict, found.figures.map(figureText).join(', ')) : h('td', '–');
          }),
        ]),
      ),
    ]),
  ]);
}

function figureText({ value, unit }: Report['checks'][number]['items'][number]['figures'][number]): string {
  if (value === null) return 'unknown';
  if (unit === 'share') return `${points(value)} %`;
  return unit === 'points' ? `${value.toFixed(1)} points` : value.toFixed(2);
}

export function attentionTable(report: Report): VNode {
  const estimate = (found: Report['attention'][number]['ratioToClean']): VNode => {
    if (!found) return h('td', '–');
    const { mean, low, high } = found;
    return h('td', [mean.toFixed(3), h('span', { class: 'interval' }, `${low.toFixed(3)}–${high.toFixed(3)}`)]);
  };
  return h('table', [
    h('thead', [
      h(
        'tr',
        [
          'model',
          'map',
          'mean in the key area, x',
          'the same, x′',
          'ratio x′ to x',
          'ratio x′ to noise',
          'IoU of the top areas',
          'cosine',
        ].map(heading),
      ),
    ]),
    h(
      'tbody',
      report.attention.map((measure) =>
        h('tr', [
          h('td', measure.name),
          h('td', { class: 'text' }, measure.method),
          ...[
            measure.clean,
            measure.adversarial,
            measure.ratioToClean,
            measure.ratioToNoise,
            measure.iou,
            measure.cosine,
          ].map(estimate),
        ]),
      ),
    ),
  ]);
}

export function trainingTable(report: Report): VNode {
  return h('table', [
    h('thead', [
      h(
        'tr',
        ['model', 'role', 'architecture', 'defence', 'seed', 'seconds', 'validation, clean', 'validation, PGD-10'].map(
          (text) => h('th', text),
        ),
      ),
    ]),
    h(
      'tbody',
      report.models.map((model) =>
        h('tr', [
          h('td', model.name),
          ...[model.role, model.architecture, model.defence].map((text) => h('td', { class: 'text' }, text)),
          h('td', String(model.seed)),
          h('td', model.seconds.toFixed(0)),
          h('td', model.validationClean === null ? '–' : points(model.validationClean)),
          h('td', model.validationAdversarial === null ? '–' : points(model.validationAdversarial)),
        ]),
      ),
    ),
  ]);
}

function points(share: number): string {
  return (100 * share).toFixed(1);
}

/** Headings stand over their column: words left, numbers right. */
function heading(text: string): VNode {
  return h('th', { class: WORDS.has(text) ? 'text' : undefined }, text);
}

const WORDS: ReadonlySet<string> = new Set(['map', 'role', 'architecture', 'defence']);
