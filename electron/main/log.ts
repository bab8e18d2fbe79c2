/** Writes what nobody foresaw to standard error, with its stack; the window only ever gets the message. */
export function logUnexpected(where: string, thrown: unknown): void {
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  process.stderr.write(`[pairlight] ${where}: ${text}\n`);
}
