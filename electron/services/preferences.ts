import { preferences } from '../../shared/contract/calls.ts';
import type { Preferences } from '../../shared/contract/calls.ts';
import type { Store } from '../store/store.ts';
import { parseInput } from './inputs.ts';
import type { Library } from './library.ts';

const KEY = 'preferences';

export function preferenceService(store: Store): Library['preferences'] {
  // A value that a later version wrote and this one does not know falls back to the default.
  const get = (): Preferences => preferences.safeParse(store.preferences.get(KEY) ?? {}).data ?? preferences.parse({});
  return {
    get,
    set: (change) =>
      store.database.transaction(() => {
        const next = parseInput(preferences, { ...get(), ...change }, 'preferences');
        store.preferences.set(KEY, next);
        return next;
      }),
  };
}
