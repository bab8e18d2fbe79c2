import { expect, test } from 'vitest';
import { footnotes, markedLabel, markedName, type MarkedModel } from './marks.ts';

const model = (name: string, verdict: 'red' | 'green' | null): MarkedModel => ({
  name,
  check: verdict && {
    check: 'check-00000000',
    verdict,
    depth: 'full',
    epsilon: 0.3,
    summary: '',
    created: '2026-11-22T09:00:00.000Z',
  },
});
const weak = 'One start: restarts may break more.';

test('the footnotes name every check with its date, and explain only the marks that are there', () => {
  expect(footnotes([model('AT', 'green'), model('other', null)])).toEqual([
    'Gradient-masking check: AT green (full, ε 0.3, 2026-11-22); other not checked.',
  ]);
  const [states, red, reasons] = footnotes(
    [model('CLP', 'red')],
    [
      { label: 'PGD-40', weak },
      { label: 'APGD', weak: null },
      { label: 'FGSM', weak },
      { label: 'worst case', weak: 'No attack without gradients is among them.' },
    ],
  );
  expect(states).toBe('Gradient-masking check: CLP ‡ red (full, ε 0.3, 2026-11-22).');
  expect(red).toMatch(/^‡ /);
  expect(reasons).toBe(
    '† Too weak to be a claim of robustness: PGD-40 and FGSM (one start: restarts may break more); worst case (no attack without gradients is among them).',
  );
});

test('marks stand behind the names of red models and the numbers of weak attacks alone', () => {
  expect(markedName(model('CLP', 'red'))).toBe('CLP ‡');
  expect(markedName(model('AT', 'green'))).toBe('AT');
  expect(markedLabel({ label: '40.0', weak })).toBe('40.0 †');
  expect(markedLabel({ label: '40.0', weak: null })).toBe('40.0');
});
