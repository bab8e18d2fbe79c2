/** Where the preparation speaks: standard error, so that standard output stays free for results. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** An error whose message is the whole story for the person at the terminal; no stack trace is shown for it. */
export class PlainError extends Error {}

/** Runs `main` and turns a failure into one readable message and exit status 1. */
export async function runScript(main) {
  try {
    await main();
  } catch (error) {
    say(error instanceof PlainError ? error.message : (error?.stack ?? String(error)));
    process.exitCode = 1;
  }
}
