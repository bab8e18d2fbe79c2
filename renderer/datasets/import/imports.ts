import { defineStore } from 'pinia';
import { computed, ref, shallowRef, watch } from 'vue';
import { t, tn } from '../../i18n/index.ts';
import { attempt, exportWithToast } from '../../stores/actions.ts';
import { call, listen } from '../../stores/connection.ts';
import type { ImportSource, ImportStart } from '../../stores/dialogs.ts';
import { useDialogs } from '../../stores/dialogs.ts';
import { useFocus } from '../../stores/focus.ts';
import { useLibrary } from '../../stores/library.ts';
import { useNavigation } from '../../stores/navigation.ts';
import { useToasts } from '../../stores/toasts.ts';
import { createImportItem, type ImportItem } from './import-item.ts';

/** What the import wizard holds: sources, what was chosen for each, and which of them is looked at. */
export const useImports = defineStore('imports', () => {
  const dialogs = useDialogs();
  const focus = useFocus();
  const library = useLibrary();
  const navigation = useNavigation();
  const toasts = useToasts();

  const items = shallowRef<readonly ImportItem[]>([]);
  const token = ref<string | null>(null);
  const current = computed(() => items.value.find((item) => item.token === token.value) ?? items.value[0] ?? null);
  const ready = computed(() => items.value.filter(({ state }) => state === 'ready'));
  /** Imports that were started here and are not at their end. */
  const under = new Set<string>();

  const isSame = (a: ImportSource, b: ImportSource): boolean =>
    a.path === b.path && JSON.stringify(a.only) === JSON.stringify(b.only);

  function add(item: ImportItem): void {
    items.value = [...items.value, item];
    void item.look();
  }

  async function begin(start: ImportStart): Promise<void> {
    if (start.from === 'sources') {
      for (const source of start.sources) {
        const known = items.value.find((item) => item.state !== 'started' && isSame(item.source, source));
        if (!known) add(createImportItem(source));
      }
      const first = start.sources[0];
      token.value = items.value.findLast((item) => first && isSame(item.source, first))?.token ?? token.value;
    } else if (start.from === 'dataset') {
      await attempt(async () => {
        const plan = await call('datasets.plan', { id: start.id });
        if (!plan) {
          toasts.show(t('datasetImport.noPlan'), { tone: 'warn' });
          return;
        }
        const source = { path: plan.path, ...(plan.only && { only: plan.only }) };
        const item = createImportItem(source, plan);
        add(item);
        token.value = item.token;
      });
    }
  }

  function remove(item: ImportItem): void {
    const at = items.value.indexOf(item);
    items.value = items.value.filter((other) => other !== item);
    if (token.value === item.token) token.value = (items.value[at] ?? items.value[at - 1])?.token ?? null;
    item.dispose();
  }

  /** Queues imports; the wizard stays for those that are not started yet, and for those that were refused. */
  async function start(chosen: readonly ImportItem[]): Promise<void> {
    const begun: ImportItem[] = [];
    for (const item of chosen) {
      const id = await item.start();
      if (id === null) {
        token.value = item.token;
        break;
      }
      under.add(id);
      begun.push(item);
    }
    const [first] = begun;
    if (!first) return;
    focus.dataset = first.started;
    navigation.open('datasets');
    toasts.show(
      begun.length === 1
        ? t('datasetImport.imported', { name: first.form.name.trim() })
        : t('datasetImport.importedMany', { n: begun.length }),
    );
    begun.forEach(remove);
    if (items.value.length === 0) dialogs.importData = null;
  }

  /** Ends what is under way. Choices that would be lost with it can be had back. */
  function close(): void {
    const left = items.value;
    items.value = [];
    token.value = null;
    left.forEach((item) => item.stop());
    if (!left.some(({ changed }) => changed)) {
      left.forEach((item) => item.dispose());
      return;
    }
    toasts.show(t('datasetImport.closed'), {
      action: {
        label: t('datasetImport.reopen'),
        run: () => {
          items.value = [...left, ...items.value];
          left.forEach((item) => void item.look());
          dialogs.importData = { from: 'nothing' };
        },
      },
    });
  }

  function tellOfSkipped(): void {
    for (const { id, manifest } of library.datasets) {
      if (!under.delete(id) || manifest.skipped.length === 0) continue;
      toasts.show(tn('datasetImport.leftOut', manifest.skipped.length, { name: manifest.name }), {
        tone: 'warn',
        action: {
          label: t('datasetImport.exportSkipped'),
          run: () => exportWithToast(() => call('datasets.exportSkipped', { id })),
        },
      });
    }
  }

  watch(() => library.datasets, tellOfSkipped);
  watch(
    () => dialogs.importData,
    (asked, before) => {
      if (asked) void begin(asked);
      else if (before) close();
    },
  );

  /** Follows the previews' progress until the returned function is called. */
  function follow(): () => void {
    return listen('dataset.preview', (news) => {
      const item = items.value.find((candidate) => candidate.token === news.token);
      if (item?.looking) item.progress = news;
    });
  }

  return { items, token, current, ready, remove, start, follow };
});
