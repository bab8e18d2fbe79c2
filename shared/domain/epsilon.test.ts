import { expect, it } from 'vitest';
import { epsilonLabel, epsilonNotations, normName } from './epsilon.ts';
import { NORMS } from './evaluation.ts';

it('a bare ε means L∞; other norms are named before it', () => {
  expect(NORMS.map(normName)).toEqual(['L∞', 'L2', 'L1']);
  expect(NORMS.map((norm) => epsilonLabel({ norm, epsilon: 0.25 }))).toEqual(['ε 0.25', 'L2 ε 0.25', 'L1 ε 0.25']);
});

it('ε is written in the notations of papers', () => {
  expect(epsilonNotations(8 / 255)).toEqual({ unit: '0.0314', of255: '8/255', symmetric: '0.0627' });
});
