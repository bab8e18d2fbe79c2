import { z } from 'zod';

/**
 * Where the time of a training goes. `data`: waiting for the batch and handing it to the engine; `attack`: the inner attack;
 * `update`: forward, backward and the optimizer's update; `report`: reading loss and accuracy off the engine, which waits
 * for what it still computes; `validation`; `checkpoint`; `other`: all the rest. Pauses count nowhere.
 */
export const TIME_PARTS = ['data', 'attack', 'update', 'report', 'validation', 'checkpoint', 'other'] as const;
export type TimePart = (typeof TIME_PARTS)[number];
/** The parts that every step has. */
export const STEP_PARTS = ['data', 'attack', 'update', 'report', 'other'] as const satisfies readonly TimePart[];

const milliseconds = z.number().min(0);

/** The speed of a training over some steps, about a second's worth. */
export const speedPoint = z.object({
  type: z.literal('speed'),
  /** The last step of the stretch. */
  step: z.int(),
  epoch: z.number(),
  /** Steps and examples of the stretch. */
  steps: z.int(),
  examples: z.int(),
  /** Milliseconds of the stretch by part. */
  time: z.object({
    data: milliseconds,
    attack: milliseconds,
    update: milliseconds,
    report: milliseconds,
    validation: milliseconds,
    checkpoint: milliseconds,
    other: milliseconds,
  } satisfies Record<TimePart, z.ZodType>),
  /** At the end of the stretch, in bytes: of the job's process, and of the engine's tensors. */
  memory: z.object({ process: z.number(), tensors: z.int(), tensorBytes: z.number() }),
});
export type SpeedPoint = z.infer<typeof speedPoint>;

/** The speed of a whole training, or of the part of it that `points` cover. */
export interface SpeedSummary {
  readonly steps: number;
  readonly examples: number;
  /** Milliseconds by part. */
  readonly time: Readonly<Record<TimePart, number>>;
  /** Of all parts but validation and checkpoints, which come between steps. */
  readonly examplesPerSecond: number;
  readonly millisecondsPerStep: number;
  /** Bytes of the process, the most seen. */
  readonly peakMemory: number;
}

/** null without points. */
export function speedSummary(points: readonly SpeedPoint[]): SpeedSummary | null {
  const sum = (value: (point: SpeedPoint) => number): number =>
    points.reduce((total, point) => total + value(point), 0);
  const steps = sum((point) => point.steps);
  const examples = sum((point) => point.examples);
  const time = Object.fromEntries(TIME_PARTS.map((part) => [part, sum((point) => point.time[part])])) as Record<
    TimePart,
    number
  >;
  const inSteps = STEP_PARTS.reduce((total, part) => total + time[part], 0);
  if (steps === 0 || inSteps === 0) return null;
  return {
    steps,
    examples,
    time,
    examplesPerSecond: (1000 * examples) / inSteps,
    millisecondsPerStep: inSteps / steps,
    peakMemory: Math.max(...points.map((point) => point.memory.process)),
  };
}
