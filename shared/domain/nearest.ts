/** More typing slips than this, for a word of this length, make it another word. */
const slipsAllowed = (word: string): number => Math.max(2, Math.floor(word.length / 3));

/** The known word that somebody most likely meant by `word`, upper and lower case aside; null if none is near. */
export function nearest(word: string, known: readonly string[]): string | null {
  const ranked = known
    .map((one) => ({ one, slips: slipsBetween(word.toLowerCase(), one.toLowerCase()) }))
    .sort((a, b) => a.slips - b.slips);
  const [best] = ranked;
  return best && best.slips <= slipsAllowed(word) ? best.one : null;
}

/** Levenshtein distance: letters to add, drop or change. */
function slipsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, position) => position);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
