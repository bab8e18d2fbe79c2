import { expect, test } from 'vitest';
import { exportSweep } from './exports.ts';
import type { SweepCell, SweepTable } from './table.ts';

const cell = (...values: number[]): SweepCell => ({
  mean: values.reduce((sum, value) => sum + value, 0) / values.length,
  std: values.length > 1 ? 0.05 : null,
  seeds: values.length,
  values,
  models: values.map((_, position) => `run-0000000${position}`),
  examples: 200,
});

const TABLE: SweepTable = {
  sweep: 'sweep-00000000',
  name: 'Try & error',
  dataset: 'dataset-00000000',
  columns: [
    { key: 'clean', kind: 'accuracy', label: 'clean', weak: null },
    { key: 'a', kind: 'accuracy', label: 'PGD-10, ε 0.1', weak: 'One start: restarts may break more.' },
    { key: 'b', kind: 'attention', label: 'attention in key area, x′ / x (grad-cam)', weak: null },
  ],
  rows: [
    {
      label: 'at, alpha 0.5',
      varied: { defence: 'at', alpha: 0.5, denoise: ['conv2', 'conv3'] },
      models: ['run-00000000', 'run-00000001'],
      seeds: [0, 1],
      cells: { clean: cell(0.9, 0.8), a: cell(0.5), b: cell(0.91, 0.95) },
      checks: ['amber', 'red'],
      seconds: { training: 600, evaluation: 42.5, attention: 3, check: 5 },
    },
    {
      label: 'clp',
      varied: { defence: 'clp' },
      models: [],
      seeds: [0, 1],
      cells: {},
      checks: [],
      seconds: { training: 0, evaluation: 0, attention: 0, check: 0 },
    },
  ],
  notes: ['The key area is the top 20 % of gray-box’s clean map.'],
};

test('Markdown has accuracies with check and time, attention in a table of its own, and notes below', () => {
  expect(exportSweep(TABLE, 'markdown')).toMatchInlineSnapshot(`
    "|  | clean | PGD-10, ε 0.1 † | masking check | training | evaluation |
    | --- | ---: | ---: | --- | ---: | ---: |
    | at, alpha 0.5 ‡ | 85.0 ± 5.0 (2) | 50.0 (1) | 1 amber, 1 red | 10 min | 43 s |
    | clp | not run | not run |  | – | – |

    |  | attention in key area, x′ / x (grad-cam) |
    | --- | ---: |
    | at, alpha 0.5 ‡ | 0.930 ± 0.050 (2) |
    | clp | not run |

    Accuracy in %, mean ± standard deviation (n − 1) over trainings with different seeds, on 200 images.

    ‡ Gradients of a model hide how easily it is fooled: do not trust gradient attacks alone.

    Training and evaluation: time of computing over all models of a row; what several models share counts in equal shares.

    † Too weak to be a claim of robustness: PGD-10, ε 0.1 (one start: restarts may break more).

    The key area is the top 20 % of gray-box’s clean map.
    "
  `);
});

test('LaTeX has the same, with every sign that LaTeX reads otherwise spelt out', () => {
  expect(exportSweep(TABLE, 'latex')).toMatchInlineSnapshot(`
    "% \\usepackage{booktabs}
    \\begin{table}
      \\centering
      \\caption{Try \\& error. Accuracy in \\%, mean $\\pm$ standard deviation (n $-$ 1) over trainings with different seeds, on 200 images. \\textsuperscript{\\ddag} Gradients of a model hide how easily it is fooled: do not trust gradient attacks alone. Training and evaluation: time of computing over all models of a row; what several models share counts in equal shares. \\textsuperscript{\\dag} Too weak to be a claim of robustness: PGD-10, $\\varepsilon$ 0.1 (one start: restarts may break more). The key area is the top 20 \\% of gray-box’s clean map.}
      \\begin{tabular}{lrrlrr}
        \\toprule
         & clean & PGD-10, $\\varepsilon$ 0.1 \\textsuperscript{\\dag} & masking check & training & evaluation \\\\
        \\midrule
        at, alpha 0.5 \\textsuperscript{\\ddag} & 85.0 $\\pm$ 5.0 (2) & 50.0 (1) & 1 amber, 1 red & 10 min & 43 s \\\\
        clp & not run & not run &  & – & – \\\\
        \\bottomrule
      \\end{tabular}
    \\end{table}

    \\begin{table}
      \\centering
      \\caption{Try \\& error: where the models look.}
      \\begin{tabular}{lr}
        \\toprule
         & attention in key area, x$'$ / x (grad-cam) \\\\
        \\midrule
        at, alpha 0.5 \\textsuperscript{\\ddag} & 0.930 $\\pm$ 0.050 (2) \\\\
        clp & not run \\\\
        \\bottomrule
      \\end{tabular}
    \\end{table}
    "
  `);
});

test('CSV has a line for each row and number, with settings, every seed’s value and what was not run', () => {
  expect(exportSweep(TABLE, 'csv')).toMatchInlineSnapshot(`
    "row,defence,alpha,denoise,measured,mean,std,seeds,values,examples,remark,masking_check,training_seconds,evaluation_seconds
    "at, alpha 0.5",at,0.5,conv2 conv3,clean,0.8500000000000001,0.05,2,0.9 0.8,200,,"1 amber, 1 red",600.0,42.5
    "at, alpha 0.5",at,0.5,conv2 conv3,"PGD-10, ε 0.1",0.5,,1,0.5,200,One start: restarts may break more.,"1 amber, 1 red",600.0,42.5
    "at, alpha 0.5",at,0.5,conv2 conv3,"attention in key area, x′ / x (grad-cam)",0.9299999999999999,0.05,2,0.91 0.95,200,,"1 amber, 1 red",600.0,42.5
    clp,clp,,,clean,,,0,not run,,,,0.0,0.0
    clp,clp,,,"PGD-10, ε 0.1",,,0,not run,,One start: restarts may break more.,,0.0,0.0
    clp,clp,,,"attention in key area, x′ / x (grad-cam)",,,0,not run,,,,0.0,0.0
    "
  `);
});
