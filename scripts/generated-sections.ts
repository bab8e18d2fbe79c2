/**
 * Puts each section of a document between `<!-- mark:name -->` and `<!-- /mark:name -->`.
 * @throws Error if a section has no place.
 */
export function fillIn(text: string, sections: Readonly<Record<string, string>>, mark: string): string {
  return Object.entries(sections).reduce((filled, [name, section]) => {
    const [open, close] = [`<!-- ${mark}:${name} -->`, `<!-- /${mark}:${name} -->`];
    const [start, end] = [filled.indexOf(open), filled.indexOf(close)];
    if (start < 0 || end < start) throw new Error(`The document has no place for ${name}: ${open} … ${close}.`);
    return `${filled.slice(0, start + open.length)}\n\n${section}\n\n${filled.slice(end)}`;
  }, text);
}

/** A Markdown table; cells may hold bars. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
