import type { CheckResult } from '../../../shared/domain/check.ts';
import { flatGreyNote } from '../../../shared/domain/epsilon.ts';
import type { Threat } from '../../../shared/domain/evaluation.ts';
import type { KeyAreaMeasure } from '../../../shared/domain/gallery.ts';
import type { Library } from '../../services/library.ts';
import type { Story } from './story.ts';

export interface ReportResult {
  readonly model: string;
  readonly threat: Threat;
  readonly source: string | null;
  readonly attack: string;
  readonly examples: number;
  readonly cleanAccuracy: number;
  readonly robustAccuracy: number;
  readonly interval: readonly [number, number];
  readonly finalIterateAccuracy: number;
  readonly seconds: number;
  /** Why this number alone is no robustness claim; null if the attack is strong. */
  readonly weak: string | null;
  readonly notes: readonly string[];
}

/** `report.json`: everything that the report says, as data. */
export interface Report {
  readonly dataset: { readonly name: string; readonly sha256: string; readonly indices: readonly number[] };
  readonly epsilon: number;
  readonly seed: number;
  readonly engine: string;
  readonly models: readonly {
    readonly id: string;
    readonly name: string;
    readonly role: 'compared' | 'gray-box source' | 'black-box source';
    readonly architecture: string;
    readonly defence: string;
    readonly seed: number;
    readonly seconds: number;
    readonly validationClean: number | null;
    readonly validationAdversarial: number | null;
  }[];
  readonly results: readonly ReportResult[];
  readonly attention: readonly (KeyAreaMeasure & { readonly name: string })[];
  readonly measuredImages: number;
  /** Quick gradient-masking checks of the models compared. */
  readonly checks: readonly (Pick<
    CheckResult,
    'verdict' | 'summary' | 'items' | 'examples' | 'cleanAccuracy' | 'worstAccuracy' | 'worstInterval' | 'seconds'
  > & { readonly model: string })[];
  readonly findings: Story['table']['findings'];
  readonly notes: readonly string[];
  readonly seconds: Story['seconds'];
}

export function reportOf(library: Library, story: Story): Report {
  const { manifest } = library.datasets.get(story.dataset);
  const names = new Map(library.models.list().map(({ id, name }) => [id, name]));
  const runs = [
    ...story.models.map((run) => ({ run, role: 'compared' as const })),
    { run: story.graySource, role: 'gray-box source' as const },
    { run: story.blackSource, role: 'black-box source' as const },
  ];
  const flat = flatGreyNote(story.options.epsilon, manifest.classes.length);
  return {
    dataset: { name: manifest.name, sha256: manifest.hash, indices: story.evaluations[0]?.result?.indices ?? [] },
    epsilon: story.options.epsilon,
    seed: story.options.seed,
    engine: engineOf(story),
    models: runs.map(({ run, role }) => ({
      id: run.id,
      name: run.name,
      role,
      architecture: run.config.architecture,
      defence: run.config.defence,
      seed: run.config.seed,
      seconds: run.result?.seconds ?? 0,
      validationClean: run.result?.cleanAccuracy ?? null,
      validationAdversarial: run.result?.adversarialAccuracy ?? null,
    })),
    results: story.evaluations.flatMap((evaluation) => {
      const { result, request } = evaluation;
      return (result?.targets ?? []).map((target) => ({
        model: names.get(target.model) ?? target.model,
        threat: target.threat,
        source: request.source === null ? null : (names.get(request.source) ?? request.source),
        attack: attackLabel(request.attack.settings),
        examples: target.examples,
        cleanAccuracy: target.cleanAccuracy,
        robustAccuracy: target.robustAccuracy,
        interval: target.robustInterval,
        finalIterateAccuracy: target.finalIterateAccuracy,
        seconds: result?.seconds ?? 0,
        weak: weakness(story, evaluation.id, target.model),
        notes: result?.notes ?? [],
      }));
    }),
    attention: (story.gallery.result?.measures ?? []).map((measure) => ({
      ...measure,
      name: names.get(measure.model) ?? measure.model,
    })),
    measuredImages: story.gallery.result?.rows.length ?? 0,
    checks: story.checks.flatMap(({ request, result }) => {
      if (!result) return [];
      const { verdict, summary, items, examples, cleanAccuracy, worstAccuracy, worstInterval, seconds } = result;
      const model = names.get(request.model) ?? request.model;
      return [{ model, verdict, summary, items, examples, cleanAccuracy, worstAccuracy, worstInterval, seconds }];
    }),
    findings: story.table.findings,
    notes: flat === null ? [] : [flat],
    seconds: story.seconds,
  };
}

function weakness(story: Story, evaluation: string, model: string): string | null {
  const cells = Object.values(story.table.cells[model] ?? {});
  return cells.find((cell) => cell.evaluation === evaluation)?.weak ?? null;
}

function engineOf(story: Story): string {
  const engine = story.evaluations[0]?.result?.engine;
  return engine ? `${engine.name} (${engine.version}; ${engine.device})` : 'unknown';
}

function attackLabel(settings: Readonly<Record<string, unknown>>): string {
  const restarts = Number(settings.restarts ?? 1);
  return `PGD-${Number(settings.steps)}${restarts > 1 ? ` × ${restarts}` : ''}`;
}

/** Iterations in an attack's label: 200 of `PGD-200 × 10`. */
export function iterationsIn(label: string): number {
  return Number(/\d+/.exec(label)?.[0] ?? 0);
}
