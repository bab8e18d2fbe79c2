import { createI18n } from 'vue-i18n';
import { en } from './en.ts';

type Leaves<T, Prefix extends string = ''> = {
  [K in keyof T & string]: T[K] extends string ? `${Prefix}${K}` : Leaves<T[K], `${Prefix}${K}.`>;
}[keyof T & string];

/** Every text of the window, by its path in the catalogue. */
export type MessageKey = Leaves<typeof en>;

type Named = Readonly<Record<string, string | number>>;

export const i18n = createI18n({ legacy: false, locale: 'en', fallbackLocale: 'en', messages: { en } });

/** The text at `key` with its `{names}` filled in. Reactive on the locale inside templates and computed values. */
export function t(key: MessageKey, named: Named = {}): string {
  return i18n.global.t(key, named);
}

/** The text at `key` in the form for `count` (`one | many`); `{n}` is the count with thousands separated. */
export function tn(key: MessageKey, count: number, named: Named = {}): string {
  return i18n.global.t(key, { n: count.toLocaleString('en-GB'), ...named }, count);
}
