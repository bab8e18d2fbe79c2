import type { SkippedFile } from '../../../shared/domain/dataset.ts';

/** The files whose name or reason contains every word that is sought, in whatever case. */
export function sought(files: readonly SkippedFile[], query: string): readonly SkippedFile[] {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return words.length === 0
    ? files
    : files.filter(({ file, reason }) => {
        const text = `${file}\n${reason}`.toLowerCase();
        return words.every((word) => text.includes(word));
      });
}
