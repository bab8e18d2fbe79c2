/** What a run of the bench was asked for, and what it found on the machine. */
export interface BenchOptions {
  readonly extent: 'quick' | 'full';
  /** Interpreter that has the peers, or null to compare Pairlight's engines with each other only. */
  readonly python: string | null;
  /** Threads of every side. */
  readonly threads: number;
  /** Rounds in place of each work's own number; null leaves it. */
  readonly rounds: number | null;
  /** Longest wait for a quiet machine before each round, in seconds. */
  readonly quietSeconds: number;
  /** Folder with MNIST's test images as IDX files; the bundled sample holds the first 1,000 of them. */
  readonly mnist: string;
  /** Folder for everything that is written on the way; deleted at the end. */
  readonly scratch: string;
  readonly enginePack: string | null;
}
