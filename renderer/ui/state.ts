import type { RunState } from '../../shared/domain/training.ts';

type Tone = 'ok' | 'warn' | 'bad' | 'accent' | 'neutral';

/** Semantic colour of a state, the same in every table. */
export function stateTone(state: RunState): Tone {
  switch (state) {
    case 'running':
      return 'accent';
    case 'done':
      return 'ok';
    case 'paused':
    case 'interrupted':
      return 'warn';
    case 'failed':
      return 'bad';
    case 'waiting':
    case 'cancelled':
      return 'neutral';
  }
}

/** Whether something is still going to change by itself. */
export function isActive(state: RunState): boolean {
  return state === 'running' || state === 'waiting' || state === 'paused';
}

/** CSS colour of a model's slot, the same in every chart, table and dot. */
export function slotColour(slot: number): string {
  return `var(--c${slot % 8})`;
}
