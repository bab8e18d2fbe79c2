import { createApgd } from './apgd-method.ts';
import type { Subject } from './examples.ts';
import type { Method } from './method.ts';
import type { AttackOptions } from './options.ts';
import { createSquare } from './square-method.ts';
import type { AttackSteps } from './steps.ts';
import { runTrajectories } from './trajectories.ts';

/**
 * The method that carries a plan out on one model.
 * @param steps of the model; they stay the caller's.
 * @throws AppError `invalid-input` if the plan does not fit the model.
 */
export function createMethod(steps: AttackSteps, subject: Subject, options: AttackOptions): Method {
  const { plan } = options;
  switch (plan.method) {
    case 'ascent':
      return {
        run: (rows, restart, onWork) => runTrajectories(steps, subject, rows, restart, { ...options, plan }, onWork),
        notes: () => [],
        dispose: () => undefined,
      };
    case 'apgd':
      return createApgd(subject, { ...options, plan });
    case 'square':
      return createSquare(subject, { ...options, plan });
  }
}
