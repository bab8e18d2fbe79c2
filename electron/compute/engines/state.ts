/** What the process's engine was loaded with, for code that must act on it without being handed the engine. */
let deterministic = false;

export function setDeterministic(value: boolean): void {
  deterministic = value;
}

/** Whether the same seed must give the same numbers to the last bit. */
export function isDeterministic(): boolean {
  return deterministic;
}

let splitting = false;

export function setSplitsBatches(value: boolean): void {
  splitting = value;
}

/** Whether the engine computes a batch in parts, on several threads of its own. */
export function splitsBatches(): boolean {
  return splitting;
}
