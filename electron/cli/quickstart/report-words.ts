import { percent } from '../output.ts';
import { iterationsIn, type Report, type ReportResult } from './report-data.ts';

/** The main finding in two sentences, from the numbers. */
export function headline(report: Report): string {
  const strongest = report.models
    .filter(({ role }) => role === 'compared')
    .flatMap(({ name }) => strongestWhiteBox(report, name) ?? []);
  const parts = strongest.map(({ model, robustAccuracy }) => `${model} ${percent(robustAccuracy)}`);
  const attack = strongest[0]?.attack ?? 'PGD';
  return `Under white-box ${attack} at ε ${report.epsilon}, this much of the test images is still classified correctly: ${parts.join(', ')}.`;
}

/** What a reader may and may not conclude, in sentences that the numbers decide. */
export function reading(report: Report): string[] {
  const sentences: string[] = [];
  for (const { name } of report.models.filter(({ role }) => role === 'compared')) {
    const strongest = strongestWhiteBox(report, name);
    const quick = report.results.find(
      (one) => one.model === name && one.threat === 'white-box' && one.attack === 'PGD-10',
    );
    if (!strongest || !quick || quick.robustAccuracy === 0) continue;
    const drop = 100 * (quick.robustAccuracy - strongest.robustAccuracy);
    if (drop <= 0) continue;
    sentences.push(
      `${name}: ${strongest.attack} finds ${drop.toFixed(1)} points more than PGD-10; a number from PGD-10 alone would flatter the model by that much.`,
    );
  }
  if (report.findings.length === 0) {
    sentences.push(
      'Every ordering that a sound evaluation obeys holds: white-box against transfer, more iterations against fewer.',
    );
  }
  sentences.push(
    'Attacks without gradients were run in the masking check alone, and no AutoAttack at all: these numbers are upper bounds of the true robustness.',
    'The training set is small and training took minutes: compare the models with each other, not with published MNIST results.',
    'The models share one seed; differences of a few points between PGD-AT and AT+ALP are within what another seed changes.',
    ...report.notes,
  );
  return sentences;
}

function strongestWhiteBox(report: Report, model: string): ReportResult | undefined {
  return report.results.find((one) => one.model === model && one.threat === 'white-box' && isStrongest(report, one));
}

function isStrongest(report: Report, result: ReportResult): boolean {
  return report.results.every(
    (one) => one.threat !== result.threat || iterationsIn(one.attack) <= iterationsIn(result.attack),
  );
}
