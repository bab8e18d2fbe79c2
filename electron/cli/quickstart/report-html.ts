import { createSSRApp, h, type VNode } from 'vue';
import { renderToString } from 'vue/server-renderer';
import { epsilonNotations } from '../../../shared/domain/epsilon.ts';
import { escapeXml } from '../../services/figures/svg-document.ts';
import type { StoryFigures } from './figures.ts';
import type { Report } from './report-data.ts';
import { REPORT_STYLE } from './report-style.ts';
import { attentionTable, checkTable, resultTable, trainingTable } from './report-tables.ts';
import { headline, reading } from './report-words.ts';

/** The report as one HTML file that needs nothing else: figures inside, no scripts, nothing from elsewhere. */
export async function reportHtml(report: Report, figures: StoryFigures): Promise<string> {
  const body = await renderToString(createSSRApp({ render: () => page(report, figures) }));
  return `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Pairlight: ${escapeXml(report.dataset.name)}</title><style>${REPORT_STYLE}</style></head><body>${body}</body></html>\n`;
}

function page(report: Report, figures: StoryFigures): VNode {
  const epsilon = epsilonNotations(report.epsilon);
  return h('main', [
    h('h1', 'Adversarial training with attention and logit pairing'),
    h('p', { class: 'lead' }, headline(report)),
    h('p', { class: 'facts' }, [
      `${report.dataset.name}, the first ${report.dataset.indices.length} test images. L∞, ε ${epsilon.unit} in [0, 1] pixels = ${epsilon.of255} = ${epsilon.symmetric} in [-1, 1]. Seed ${report.seed}. Engine ${report.engine}.`,
    ]),
    h('h2', 'Accuracy under attack'),
    resultTable(report),
    h(
      'p',
      { class: 'note' },
      'Per cent of all examples, with Wilson 95 % intervals. White-box: an example counts as robust only if no iterate of any restart is misclassified. Gray-box: made on an undefended model of the same architecture and another seed; black-box: of another architecture; judged on the last iterate of each restart. † too weak an attack to be a robustness claim by itself.',
    ),
    ...report.findings.map(({ severity, text }) => h('p', { class: `finding ${severity}` }, text)),
    h('div', { class: 'pair' }, [
      figure(
        figures.restarts.svg,
        'White-box accuracy after 1 to 10 random restarts of PGD-200. A curve that keeps falling has not been attacked hard enough.',
      ),
      figure(
        figures.accuracy.svg,
        'Validation accuracy while training: clean, and under PGD-10 at the ε of the defence.',
      ),
    ]),
    h('h2', 'Can these numbers be trusted?'),
    checkTable(report),
    ...report.checks.map(({ model, summary }) => h('p', { class: 'note' }, `${model}: ${summary}`)),
    h(
      'p',
      { class: 'note' },
      `The gradient-masking check sees weights, images and labels, never how a model was trained; this is its quick form, on ${report.checks[0]?.examples ?? 0} images. The full one misses less: pairlight check.`,
    ),
    h('h2', 'Where the models look'),
    figure(
      figures.galleries.activation.svg,
      'Activation attention on clean images and on adversarial examples made on each model.',
    ),
    attentionTable(report),
    h(
      'p',
      { class: 'note' },
      `Means over ${report.measuredImages} test images with bootstrap 95 % intervals. The key area is the top 20 % of the clean map of the undefended model of another seed, the same for all models. Ratio below 1: under attack, less attention falls on the key area than on the clean image; the noise control is x plus uniform noise of the same ε.`,
    ),
    figure(figures.galleries['grad-cam'].svg, 'Grad-CAM of the true class for the same examples.'),
    h('h2', 'How the models were trained'),
    trainingTable(report),
    h('div', { class: 'small' }, [figure(figures.terms.svg, 'AT+ALP: each term of the loss as it enters the sum.')]),
    h('h2', 'What this shows, and what it does not'),
    h(
      'ul',
      reading(report).map((sentence) => h('li', sentence)),
    ),
  ]);
}

function figure(svg: string, caption: string): VNode {
  const document = svg.slice(svg.indexOf('<svg'));
  return h('figure', [h('div', { class: 'drawing', innerHTML: document }), h('figcaption', caption)]);
}
