import type { CompiledStep } from './compile.ts';
import type { StepDefinition, StepLayout } from './step.ts';

/** What the process's engine was loaded with, for code that must act on it without being handed the engine. */
let deterministic = false;

export function setDeterministic(value: boolean): void {
  deterministic = value;
}

/** Whether the same seed must give the same numbers to the last bit. */
export function isDeterministic(): boolean {
  return deterministic;
}

let packFault: string | null = null;

export function setPackFault(value: string | null): void {
  packFault = value;
}

/** Why there is no engine pack to load; null if nobody said. */
export function enginePackFault(): string | null {
  return packFault;
}

/** Makes a step that computes its batch in parts. */
export type BatchSplitter = <P extends object>(
  definition: StepDefinition<P>,
  parameters: P,
  layout: StepLayout,
) => CompiledStep;

let splitter: BatchSplitter | null = null;
let startThreads = (): Promise<void> => Promise.resolve();

/** @param start starts the threads that take part, and resolves when they do. */
export function setBatchSplitter(value: BatchSplitter, start: () => Promise<void>): void {
  splitter = value;
  startThreads = start;
}

/** Resolves when every thread of the engine can take part. No computation needs to wait for it; a measurement does. */
export function threadsReady(): Promise<void> {
  return startThreads();
}

/** How the engine computes batches in parts, on several threads of its own; null where it takes them in one piece. */
export function batchSplitter(): BatchSplitter | null {
  return splitter;
}

/** Whether the engine computes a batch in parts. */
export function splitsBatches(): boolean {
  return splitter !== null;
}
