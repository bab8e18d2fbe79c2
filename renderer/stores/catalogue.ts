import { defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import type { ArchitectureEntry, Catalogue } from '../../shared/domain/catalogue.ts';
import { toAppError, type AppError } from '../../shared/domain/errors.ts';
import { call } from './connection.ts';

/** Names, labels and settings of every architecture, defence and attack that this build has. */
export const useCatalogue = defineStore('catalogue', () => {
  const catalogue = shallowRef<Catalogue | null>(null);
  const error = shallowRef<AppError | null>(null);

  async function load(): Promise<void> {
    try {
      catalogue.value = await call('catalogue.get');
      error.value = null;
    } catch (thrown) {
      error.value = toAppError(thrown);
    }
  }

  const architectures = computed<readonly ArchitectureEntry[]>(() => catalogue.value?.architectures ?? []);
  const defences = computed(() => catalogue.value?.defences ?? []);
  const attacks = computed(() => catalogue.value?.attacks ?? []);
  const presets = computed(() => catalogue.value?.presets ?? []);
  const trainer = computed(() => catalogue.value?.trainer ?? []);
  const maps = computed(() => catalogue.value?.maps ?? []);

  const defenceLabel = (name: string | null): string =>
    defences.value.find((entry) => entry.name === name)?.label ?? name ?? '–';
  const architectureLabel = (name: string): string =>
    architectures.value.find((entry) => entry.name === name)?.label ?? name;
  const mapLabel = (name: string): string => maps.value.find((entry) => entry.name === name)?.label ?? name;

  return {
    catalogue,
    error,
    architectures,
    defences,
    attacks,
    presets,
    trainer,
    maps,
    mapLabel,
    load,
    defenceLabel,
    architectureLabel,
  };
});
