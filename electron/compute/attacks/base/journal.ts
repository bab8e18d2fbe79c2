import type { Outcome } from './outcome.ts';

/** How far an attack has come, between two pieces of what it finds: all that the rest of it follows from. */
export interface Standing {
  /** One for each target. */
  readonly outcomes: readonly Outcome[];
  /** The restart that runs, from 0; the number of restarts once all are done. */
  readonly restart: number;
  /** [rows]: 1 where the running restart is over. */
  readonly done: Uint8Array;
  /** Seconds that a limit of time has counted so far. */
  readonly seconds: number;
}

/** Where an attack begins, and who is told how far it has come. */
export interface Journal {
  /**
   * Called once with what is open before the first restart.
   * @returns where to go on instead; the same object if the attack begins here.
   */
  begin(opened: Standing): Standing;
  /** Awaited after every piece and every restart; the standing's arrays go on changing afterwards. */
  note(standing: Standing): Promise<void>;
}

/** Begins at the beginning and tells nobody. */
export const NO_JOURNAL: Journal = { begin: (opened) => opened, note: () => Promise.resolve() };
