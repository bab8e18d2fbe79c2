import { ref, shallowRef, watch } from 'vue';
import type { DatasetEdit } from '../../../shared/domain/dataset.ts';
import type { DatasetRow } from '../../../shared/domain/library.ts';
import { t, tn } from '../../i18n/index.ts';
import { attempt } from '../../stores/actions.ts';
import { call } from '../../stores/connection.ts';
import { useFocus } from '../../stores/focus.ts';
import { useLibrary } from '../../stores/library.ts';
import { useToasts } from '../../stores/toasts.ts';

/** Versions made since the window was opened: only these does an undo throw away. */
const made = new Set<string>();

/**
 * Relabels and takes out images. Each edit makes a version of the data set and goes to it; an undo goes back to what it was
 * made from, and puts a version that nothing else was made of into the bin.
 */
export function useEdits(row: () => DatasetRow | null) {
  const library = useLibrary();
  const focus = useFocus();
  const toasts = useToasts();
  const busy = ref(false);
  /** What the last undo left, for a redo. */
  const undone = shallowRef<{ readonly id: string; readonly deleted: boolean } | null>(null);

  /** Shows a data set as soon as the library has it. */
  function show(id: string): Promise<void> {
    return new Promise((resolve) => {
      const stop = watch(
        () => library.datasetById.has(id),
        (there) => {
          if (!there) return;
          focus.dataset = id;
          resolve();
          queueMicrotask(() => stop());
        },
        { immediate: true },
      );
    });
  }

  async function edit(edits: readonly DatasetEdit[]): Promise<void> {
    const now = row();
    if (!now || busy.value) return;
    busy.value = true;
    await attempt(async () => {
      const { id } = await call('datasets.edit', { id: now.id, edits: [...edits] });
      made.add(id);
      undone.value = null;
      await show(id);
      toasts.show(editText(edits, library.datasetById.get(id)?.manifest.classes ?? []), {
        tone: 'ok',
        action: { label: t('ui.undo'), run: () => undo(id) },
      });
    });
    busy.value = false;
  }

  async function undo(id: string | undefined = row()?.id): Promise<void> {
    const version = library.datasetById.get(id ?? '');
    const parent = library.datasetById.get(version?.manifest.parent?.id ?? '');
    if (!version || busy.value) return;
    if (!parent) {
      toasts.show(version.manifest.parent ? t('browse.undo.noParent') : t('browse.undo.nothing'));
      return;
    }
    busy.value = true;
    await attempt(async () => {
      const { deleted, versions } = await call('datasets.dependents', { id: version.id });
      const alone = made.has(version.id) && deleted.length <= 1 && versions.length === 0;
      focus.dataset = parent.id;
      if (alone) await call('entities.delete', { id: version.id });
      undone.value = { id: version.id, deleted: alone };
      toasts.show(t('browse.undo.done', { name: parent.manifest.name }), {
        action: { label: t('browse.undo.redo'), run: redo },
      });
    });
    busy.value = false;
  }

  async function redo(): Promise<void> {
    const last = undone.value;
    if (!last || busy.value) return;
    busy.value = true;
    await attempt(async () => {
      if (last.deleted) await call('entities.restore', { id: last.id });
      undone.value = null;
      await show(last.id);
    });
    busy.value = false;
  }

  return { edit, undo, redo, show, busy, undone };
}

function editText(edits: readonly DatasetEdit[], classes: readonly string[]): string {
  const [first] = edits;
  if (!first) return '';
  const count = edits.reduce((sum, { positions }) => sum + positions.length, 0);
  switch (first.kind) {
    case 'relabel':
      return tn('browse.edits.relabelled', count, { name: classes[first.label] ?? String(first.label) });
    case 'exclude':
      return tn('browse.edits.excluded', count);
    case 'include':
      return tn('browse.edits.included', count);
  }
}
