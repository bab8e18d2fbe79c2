import { expect, it } from 'vitest';
import { evaluationRequest, type EvaluationRequestInput } from '../../shared/domain/evaluation.ts';
import type { EvaluationRow } from '../../shared/domain/library.ts';
import { sameButSeed } from './seeds.ts';

function row(id: string, seed: number, change: Partial<EvaluationRequestInput> = {}, plan: string | null = 'plan-1') {
  const request = evaluationRequest.parse({
    dataset: 'dataset-00000001',
    targets: ['run-00000001', 'run-00000002'],
    attack: { name: 'pgd', settings: { epsilon: 0.1, steps: 5 } },
    seed,
    ...change,
  });
  const made: EvaluationRow = {
    id,
    name: `evaluation with seed ${seed}`,
    plan,
    request,
    state: 'done',
    partial: [],
    result: null,
    error: null,
    created: '',
  };
  return made;
}

it('finds the other seeds of a plan, whatever the order of settings and what was carried over', () => {
  const first = row('a', 0);
  const second = row('b', 1, {
    attack: { name: 'pgd', settings: { steps: 5, epsilon: 0.1 } },
    carryFrom: ['evaluation-00000001'],
    name: 'b',
  });
  const others = [
    row('c', 1, { attack: { name: 'pgd', settings: { epsilon: 0.2, steps: 5 } } }),
    row('d', 1, { source: 'run-00000003' }),
    row('e', 1, {}, 'plan-2'),
    row('f', 2, { targets: ['run-00000002'] }),
  ];
  expect(sameButSeed(first, [second, ...others, first], 'run-00000001').map(({ id }) => id)).toEqual(['a', 'b']);
  expect(sameButSeed(first, [second, ...others, first], 'run-00000002').map(({ id }) => id)).toEqual(['a', 'b', 'f']);
  expect(sameButSeed(row('g', 0, {}, null), [first, second], 'run-00000001').map(({ id }) => id)).toEqual(['g']);
});
