/** One thing that the palette finds. */
export interface PaletteEntry {
  readonly key: string;
  readonly group: 'commands' | 'datasets' | 'runs' | 'models' | 'sweeps' | 'evaluations' | 'galleries';
  readonly title: string;
  readonly detail: string;
  readonly run: () => void;
}

/**
 * How well a text fits a query, higher is better; null if it does not. Every word of the query must occur; words at
 * the start of a word count more, and shorter texts win among equals.
 */
export function matchScore(text: string, query: string): number | null {
  const haystack = text.toLowerCase();
  let score = 0;
  for (const word of query
    .toLowerCase()
    .split(/\s+/)
    .filter((part) => part !== '')) {
    const at = haystack.indexOf(word);
    if (at < 0) return null;
    score += at === 0 ? 3 : /[\s\-·(+]/.test(haystack[at - 1] ?? '') ? 2 : 1;
  }
  return score - text.length / 1000;
}

/** The entries that fit the query, best first; all in their order for an empty query. */
export function searchPalette(entries: readonly PaletteEntry[], query: string, limit = 60): readonly PaletteEntry[] {
  if (query.trim() === '') return entries.slice(0, limit);
  return entries
    .flatMap((entry) => {
      const score = matchScore(`${entry.title} ${entry.detail}`, query);
      return score === null ? [] : [{ entry, score }];
    })
    .sort((a, b) => b.score - a.score)
    .slice(0, limit)
    .map(({ entry }) => entry);
}
