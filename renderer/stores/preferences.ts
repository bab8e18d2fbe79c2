import { defineStore } from 'pinia';
import { computed, shallowRef, watchEffect } from 'vue';
import type { Preferences } from '../../shared/contract/calls.ts';
import { attempt } from './actions.ts';
import { call } from './connection.ts';
import { persisted } from './persisted.ts';

type ThemeChoice = Preferences['theme'];
const isTheme = (value: unknown): value is ThemeChoice => value === 'system' || value === 'light' || value === 'dark';

/** What the user chose once for everything. The theme is remembered here too, so that the first frame has it. */
export const usePreferences = defineStore('preferences', () => {
  const preferences = shallowRef<Preferences | null>(null);
  const rememberedTheme = persisted<ThemeChoice>('theme', 'system', isTheme);
  const systemDark = shallowRef(false);
  const media = window.matchMedia('(prefers-color-scheme: dark)');
  systemDark.value = media.matches;
  media.addEventListener('change', (event) => {
    systemDark.value = event.matches;
  });

  const themeChoice = computed<ThemeChoice>(() => preferences.value?.theme ?? rememberedTheme.value);
  const theme = computed<'light' | 'dark'>(() =>
    themeChoice.value === 'system' ? (systemDark.value ? 'dark' : 'light') : themeChoice.value,
  );
  watchEffect(() => {
    document.documentElement.dataset.theme = theme.value;
  });

  function keep(value: Preferences): void {
    preferences.value = value;
    rememberedTheme.value = value.theme;
  }

  async function load(): Promise<void> {
    await attempt(async () => keep(await call('app.preferences')));
  }

  async function change(part: Partial<Preferences>): Promise<void> {
    if (preferences.value) keep({ ...preferences.value, ...part });
    if (!(await attempt(async () => keep(await call('app.setPreferences', part))))) await load();
  }

  return { preferences, themeChoice, theme, load, change };
});
