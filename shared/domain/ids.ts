import { z } from 'zod';

/** Ids are short, lower-case and safe as file names: `run-7f3k2m9q`. */
export const entityId = z.string().regex(/^[a-z]+-[0-9a-z]{8,16}$/, 'is not a valid id');
export type EntityId = z.infer<typeof entityId>;

export type EntityKind = 'dataset' | 'run' | 'model' | 'evaluation' | 'plan' | 'gallery' | 'check' | 'sweep';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** A new random id (50 bits). `kind` becomes the prefix. */
export function newId(kind: EntityKind | 'predict'): EntityId {
  const bytes = crypto.getRandomValues(new Uint8Array(10));
  return `${kind}-${Array.from(bytes, (byte) => ALPHABET[byte & 31]).join('')}`;
}
