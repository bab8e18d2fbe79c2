import type { EvaluationSpeed } from '../../../shared/domain/evaluation.ts';
import type { Control } from '../jobs/control.ts';

/** Watches where the time and memory of an evaluation go. */
export interface SpeedWatch {
  /** The same control; its pauses are left out of the attack's time. */
  readonly control: Pick<Control, 'checkpoint' | 'progress'>;
  attacking<T>(work: () => Promise<T>): Promise<T>;
  writing<T>(work: () => Promise<T>): Promise<T>;
  /** Notes how much memory the process has. */
  look(): void;
  result(unit: string, work: number): EvaluationSpeed;
}

/** @param now milliseconds */
export function watchSpeed(
  control: Pick<Control, 'checkpoint' | 'progress'>,
  now = (): number => performance.now(),
): SpeedWatch {
  const spent = { attack: 0, write: 0, pause: 0 };
  let peakMemory = 0;
  const look = (): void => {
    peakMemory = Math.max(peakMemory, process.memoryUsage.rss());
  };
  const timed = async <T>(part: keyof typeof spent, work: () => Promise<T>): Promise<T> => {
    const started = now();
    const paused = spent.pause;
    try {
      return await work();
    } finally {
      spent[part] += now() - started - (spent.pause - paused);
    }
  };
  return {
    control: {
      checkpoint: (beforeStop) => timed('pause', () => control.checkpoint(beforeStop)),
      progress: (work) => control.progress(work),
    },
    attacking: (work) => timed('attack', work),
    writing: (work) => timed('write', work),
    look,
    result(unit, work) {
      look();
      return {
        unit,
        work,
        attackSeconds: spent.attack / 1000,
        writeSeconds: spent.write / 1000,
        pauseSeconds: spent.pause / 1000,
        peakMemory,
      };
    },
  };
}
