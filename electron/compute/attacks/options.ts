import type { Goal } from '../../../shared/domain/evaluation.ts';
import type { Control } from '../jobs/control.ts';
import type { Examples } from './base/examples.ts';
import type { Journal } from './base/journal.ts';
import type { KeptExamples } from './base/kept.ts';
import type { AttackLimits } from './base/limits.ts';
import type { Outcome } from './base/outcome.ts';
import type { AttackPlan } from './plan.ts';

/** What every attack needs besides the models. */
export interface AttackOptions<P extends AttackPlan = AttackPlan> {
  readonly examples: Examples;
  readonly plan: P;
  /** What the attack leads to; any wrong class if left out. See `targetsOf`. */
  readonly goal?: Goal | undefined;
  /**
   * [rows], the class that each row shall be taken for; for families that are `targeted`. Without it any class but the
   * label is a success. Never the label itself. Families find it here; whoever starts an attack gives a goal or this.
   */
  readonly targets?: Int32Array | undefined;
  /** Seed of all that is random, with the example's position in the data set and the restart. */
  readonly seed: number;
  /** Examples at once. It changes speed and memory, never an example's random stream. */
  readonly batchSize: number;
  /** Attack examples that are misclassified without an attack too. */
  readonly includeMisclassified: boolean;
  readonly control: Pick<Control, 'checkpoint'>;
  /** What it may spend; nothing limits it if left out. */
  readonly limits?: AttackLimits | undefined;
  /** Called after every step: units of work that it took (see `workOf`), and how many may still come at most. */
  readonly onWork?: (done: number, left: number) => void;
  /** Where it begins, and who keeps track; left out: at the beginning, and nobody. */
  readonly journal?: Journal | undefined;
  /** What transfers made before, and where they keep what they make; nothing of both if left out. */
  readonly kept?: KeptExamples | undefined;
  /** Called after every restart with the outcomes so far, one for each target. */
  readonly onRestart?: (outcomes: readonly Outcome[]) => void;
}
