import type { ModelSummary } from '../../../shared/domain/model.ts';

type Known = Pick<ModelSummary, 'id' | 'name' | 'architecture' | 'defence' | 'seed' | 'trainedAgainst'>;

/** Says that the target was trained on adversarial examples of the source; null if it was not. */
export function familiarNote(source: Known, target: Known): string | null {
  if (!target.trainedAgainst?.includes(source.id)) return null;
  const threat = source.architecture === target.architecture ? 'gray-box' : 'black-box';
  return `The target ${target.name} was trained against this source, ${source.name}; a ${threat} source is meant to be new to it, so this is not the usual ${threat} number.`;
}

/**
 * What is unusual about the source of a transfer attack. A gray-box source is meant to be an undefended model of the
 * target's architecture from another seed, a black-box source an undefended model of another architecture (Goodman
 * et al. 2019, arXiv 1908.11435). What is not known, as with imported weights, is said more softly.
 */
export function sourceNotes(source: Known, target: Known): string[] {
  const gray = source.architecture === target.architecture;
  const threat = gray ? 'gray-box' : 'black-box';
  const familiar = familiarNote(source, target);
  const notes: string[] = familiar === null ? [] : [familiar];
  if (source.defence === null) {
    notes.push(
      `How the source ${source.name} was trained is not known; a ${threat} source is meant to be undefended${gray ? ', from another seed' : ''}.`,
    );
  } else if (source.defence !== 'natural') {
    notes.push(
      `The source ${source.name} is defended (${source.defence}); a ${threat} source is meant to be undefended, so this is not the usual ${threat} number.`,
    );
  }
  if (!gray) return notes;
  if (source.seed !== null && source.seed === target.seed) {
    notes.push(
      `The source ${source.name} has the seed of the target ${target.name} (${source.seed}); a gray-box source is meant to be from another seed.`,
    );
  } else if (source.defence !== null && (source.seed === null || target.seed === null)) {
    notes.push(`Whether the source ${source.name} and the target ${target.name} differ in their seed is not known.`);
  }
  return notes;
}
