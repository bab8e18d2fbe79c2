import { computed, effectScope, reactive, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue';
import type { EventPayload } from '../../../shared/contract/events.ts';
import type { ImportPreview } from '../../../shared/domain/dataset.ts';
import { toAppError, type AppError } from '../../../shared/domain/errors.ts';
import { importPlan, type ImportPlan, type ImportPlanInput } from '../../../shared/domain/import-plan.ts';
import { call } from '../../stores/connection.ts';
import type { ImportSource } from '../../stores/dialogs.ts';
import { splitPath } from './group-paths.ts';
import { classChoices, formOf, importProblems, planOf, type FormProblems, type ImportForm } from './import-form.ts';

const WAIT_MS = 300;

export type ItemState = 'looking' | 'ready' | 'full' | 'problem' | 'failed' | 'stopped' | 'started';
export type LookProgress = EventPayload<'dataset.preview'>;

/** Something that is to be imported: what is asked of it, and what was found in it. */
export interface ImportItem {
  readonly token: string;
  readonly source: ImportSource;
  /** What it is called in the list: its name on disk. */
  readonly title: string;
  readonly form: ImportForm;
  readonly state: ItemState;
  readonly problems: FormProblems;
  /** As the form was last looked at; stays while it is looked at again. */
  readonly preview: ImportPreview | null;
  readonly error: AppError | null;
  /** Whether it is looked at, or will be in a moment. */
  readonly looking: boolean;
  /** Whether it may be started as it is. */
  readonly startable: boolean;
  progress: LookProgress | null;
  /** Whether anything was chosen that closing would lose. */
  readonly changed: boolean;
  /** The data set that it becomes, once it was started. */
  readonly started: string | null;
  look(): Promise<void>;
  /** Ends the search for what is inside; what was chosen stays. */
  stop(): void;
  /** What is asked for, whole; null while something of it is wrong. */
  readonly plan: ImportPlan | null;
  /** Why the import was not queued when it was last asked for. */
  readonly refused: AppError | null;
  /** Queues the import; the data set's id, or null if it was refused. */
  start(): Promise<string | null>;
  dispose(): void;
}

/** What of a plan changes what is shown of it before it runs. */
function shownPart(plan: ImportPlanInput): ImportPlanInput {
  const { name: _name, attribution: _attribution, ...shown } = plan;
  return shown;
}

/**
 * A source that is looked at at once, and anew a moment after what is asked of it changes; what is overtaken is dropped.
 * @param plan the plan of an earlier import to begin with.
 */
export function createImportItem(source: ImportSource, plan: ImportPlan | null = null): ImportItem {
  const token = crypto.randomUUID().replaceAll('-', '');
  const form = reactive(formOf(plan ?? { path: source.path }));
  const preview: ShallowRef<ImportPreview | null> = shallowRef(null);
  const error: ShallowRef<AppError | null> = shallowRef(null);
  const refused: ShallowRef<AppError | null> = shallowRef(null);
  const started: Ref<string | null> = ref(null);
  const waiting = ref(false);
  const asking = ref(false);
  const stopped = ref(false);
  const sourceKnown = ref(false);
  let suggested = '';
  let turn = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const scope = effectScope(true);
  const progress: ShallowRef<LookProgress | null> = shallowRef(null);
  const problems = computed(() => importProblems(form));
  const fine = computed(() => Object.keys(problems.value).length === 0);
  const asked = (): ImportPlanInput => shownPart(planOf(form, source));
  const state = computed((): ItemState => {
    if (started.value !== null) return 'started';
    if (stopped.value) return 'stopped';
    if (!fine.value) return 'problem';
    if (error.value) return 'failed';
    if (!preview.value) return 'looking';
    return preview.value.bytesNeeded > preview.value.bytesFree ? 'full' : 'ready';
  });
  const looking = computed(() => waiting.value || asking.value);

  const ask = (what: ImportPlanInput): Promise<ImportPreview> => call('datasets.preview', { plan: what, token });

  /** The classes as the source has them, which a plan that chooses among them does not show. */
  async function lookAtSource(): Promise<ImportPreview> {
    return ask({ ...asked(), classes: null, limitPerClass: null, dropDuplicates: false });
  }

  /** Looks after that many milliseconds; null: not at all. */
  function wait(milliseconds: number | null): void {
    clearTimeout(timer);
    waiting.value = milliseconds !== null;
    if (milliseconds !== null) timer = setTimeout(() => void look(), milliseconds);
  }

  async function look(): Promise<void> {
    wait(null);
    const mine = ++turn;
    asking.value = true;
    stopped.value = false;
    error.value = null;
    progress.value = null;
    try {
      let found: ImportPreview | null = null;
      if (!sourceKnown.value) {
        found = await lookAtSource();
        if (mine !== turn) return;
        sourceKnown.value = true;
        form.classes = classChoices(found.classes, form.classes);
        if (form.name.trim() === '' || form.name === suggested) form.name = found.suggestedName;
        suggested = found.suggestedName;
      }
      const { classes, limitPerClass, dropDuplicates } = asked();
      if (!found || classes !== null || limitPerClass !== null || dropDuplicates) found = await ask(asked());
      if (mine !== turn) return;
      preview.value = found;
    } catch (thrown) {
      if (mine !== turn) return;
      preview.value = null;
      error.value = toAppError(thrown);
    } finally {
      if (mine === turn) asking.value = false;
    }
  }

  function forget(): void {
    wait(null);
    turn += 1;
    asking.value = false;
    // Its answer tells nobody anything: what it would have ended is gone either way.
    call('datasets.endPreview', { token }).catch(() => undefined);
  }

  scope.run(() => {
    watch(
      () => [form.format, JSON.stringify(form.columns)],
      () => {
        sourceKnown.value = false;
        form.classes = null;
      },
      { flush: 'sync' },
    );
    watch(
      () => (fine.value ? JSON.stringify(asked()) : null),
      (now, before) => {
        if (now === before || stopped.value || started.value !== null) return;
        wait(now === null ? null : WAIT_MS);
      },
    );
  });

  return reactive({
    token,
    source,
    title: splitPath(source.path).name,
    form,
    state,
    problems,
    preview,
    error,
    looking,
    startable: computed(() => state.value === 'ready' && !looking.value),
    progress,
    changed: computed(() => {
      const blank = formOf({ path: source.path });
      const untouched = JSON.stringify({ ...planOf(blank, source), name: suggested });
      return started.value === null && JSON.stringify({ ...planOf(form, source), name: form.name }) !== untouched;
    }),
    started,
    look,
    stop() {
      forget();
      stopped.value = true;
    },
    plan: computed(() => (fine.value ? importPlan.parse(planOf(form, source)) : null)),
    refused,
    async start() {
      refused.value = null;
      try {
        started.value = (await call('datasets.import', planOf(form, source))).id;
      } catch (thrown) {
        refused.value = toAppError(thrown);
      }
      return started.value;
    },
    dispose() {
      scope.stop();
      if (started.value === null) forget();
    },
  });
}
