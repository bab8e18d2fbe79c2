import type { Catalogue, DefenceEntry } from '../../../shared/domain/catalogue.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { describeSettings } from '../../../shared/domain/settings.ts';
import { moduleDefence } from '../modules/loaded.ts';
import { alp } from './alp.ts';
import { atAlp } from './at-alp.ts';
import { at } from './at.ts';
import { attentionPairing } from './attention-pairing.ts';
import { clp } from './clp.ts';
import type { Defence } from './defence.ts';
import { ensembleAt } from './ensemble-at.ts';
import { fastAt } from './fast-at.ts';
import { freeAt } from './free-at.ts';
import { lsq } from './lsq.ts';
import { mPgd } from './m-pgd.ts';
import { mart } from './mart.ts';
import { natural } from './natural.ts';
import { trades } from './trades.ts';

/** Every defence, in the order in which lists show them. */
export const DEFENCES: readonly Defence[] = [
  natural,
  at,
  mPgd,
  alp,
  attentionPairing,
  atAlp,
  trades,
  mart,
  fastAt,
  freeAt,
  ensembleAt,
  clp,
  lsq,
];

/**
 * A defence by its name: a built-in one, or one of a module that this process has loaded.
 * @throws AppError `invalid-input` that names the defences there are.
 */
export function findDefence(name: string): Defence {
  const found = DEFENCES.find((defence) => defence.name === name) ?? moduleDefence(name);
  if (found) return found;
  throw new AppError(
    'invalid-input',
    `There is no defence “${name}”; there are ${DEFENCES.map((defence) => defence.name).join(', ')}.`,
    { details: { field: 'defence', found: name } },
  );
}

/** The defences as data, for forms, flags and documentation. */
export function defenceEntries(): Catalogue['defences'] {
  return DEFENCES.map(defenceEntry);
}

/** A defence as data. */
export function defenceEntry(defence: Defence): DefenceEntry {
  const { name, label, summary, source, schema, adversarial, ablations = [], recommended = null } = defence;
  const fields = [...describeSettings(schema)];
  return { name, label, summary, source, adversarial, ablations: [...ablations], recommended, fields };
}
