import type { Candidate } from './base/outcome.ts';

/** What one restart found for some of its rows. */
export interface Found {
  readonly candidates: readonly Candidate[];
  /** Steps whose logits or gradients were not finite, summed over the rows. */
  readonly nonFinite: number;
}

/** How one restart runs. The caller disposes of the method when the attack is over. */
export interface Method {
  /**
   * One restart for rows of any number.
   * @param onWork called after each step with the units of work it took (see `workOf`), and how many may still come.
   * @returns what was found, in pieces as rows are done: each row in one of them.
   */
  run(rows: readonly number[], restart: number, onWork: (done: number, left: number) => void): AsyncGenerator<Found>;
  /** What there is to say about how the steps run, such as why one could not be compiled. */
  notes(): readonly string[];
  dispose(): void;
}
