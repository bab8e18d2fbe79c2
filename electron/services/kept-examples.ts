import type { EvaluationRequest } from '../../shared/domain/evaluation.ts';
import type { Store } from '../store/store.ts';

/**
 * Folders of earlier transfers that may have made the adversarial examples of this one: from the same sources, with the
 * same attack, goal and seed on the same data. Whether they really did is for the job to find out.
 */
export function keptExamples({ evaluations, folder }: Store, id: string, request: EvaluationRequest): string[] {
  if (request.source === null) return [];
  const own = makingOf(request);
  return evaluations
    .list()
    .filter((earlier) => earlier.id !== id && earlier.result !== null && makingOf(earlier.request) === own)
    .map((earlier) => folder.of('evaluation', earlier.id));
}

function makingOf({ dataset, source, ensemble, attack, goal, seed }: EvaluationRequest): string {
  const settings = Object.entries(attack.settings).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([dataset, source, ensemble, attack.name, attack.module ?? null, settings, goal, seed]);
}
