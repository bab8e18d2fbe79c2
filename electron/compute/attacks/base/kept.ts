/** Adversarial examples that were made once and are kept: those of one source, attack, goal and seed. */
export interface KeptExamples {
  /**
   * @param positions in the data set
   * @returns the last iterates of that restart that are known, by position, [height · width · channels] each.
   */
  read(restart: number, positions: readonly number[]): Promise<ReadonlyMap<number, Float32Array>>;
  /** Keeps more of them. They are on the disk when it resolves. */
  write(restart: number, made: readonly { readonly position: number; readonly image: Float32Array }[]): Promise<void>;
}
