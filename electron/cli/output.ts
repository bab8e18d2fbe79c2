/** How a command speaks: one JSON document on standard output, or lines for a person; progress goes to standard error. */
export interface Output {
  readonly json: boolean;
  readonly quiet: boolean;
  /** A message on the way, for a person; on standard error, not with `--quiet`. */
  say(text: string): void;
  /** What the command was asked for: `data` with `--json`, otherwise `text`. Called once, at the end. */
  result(data: unknown, text: string): void;
}

export function createOutput(options: { readonly json: boolean; readonly quiet: boolean }): Output {
  return {
    ...options,
    say: (text) => {
      if (!options.quiet) process.stderr.write(`${text}\n`);
    },
    result: (data, text) => {
      if (options.json) process.stdout.write(`${JSON.stringify(data, null, 2)}\n`);
      else if (text !== '') process.stdout.write(`${text}\n`);
    },
  };
}

/** Rows with aligned columns; numbers to the right. */
export function textTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((text, column) => {
          const width = widths[column] ?? 0;
          return typeof rows[0]?.[column] === 'number' ? text.padStart(width) : text.padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function percent(share: number | null): string {
  return share === null ? '–' : `${(100 * share).toFixed(1)} %`;
}
