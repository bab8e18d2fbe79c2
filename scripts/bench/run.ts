import type { BenchOptions } from './options.ts';
import type { WorkResult } from './results.ts';
import { obstacle, runComparison } from './run-comparison.ts';
import type { Work } from './works.ts';

/** Measures one work, or says why it cannot be measured here. */
export async function runWork(work: Work, options: BenchOptions): Promise<WorkResult> {
  const { name, title } = work;
  switch (work.kind) {
    case 'attack':
    case 'train':
    case 'robust': {
      const reason = obstacle(work, options);
      return reason === null ? runComparison(work, options) : { kind: 'skipped', name, title, reason };
    }
    case 'first-step':
    case 'memory':
    case 'growth':
    case 'scaling':
      return { kind: 'skipped', name, title, reason: 'not there yet' };
  }
}
