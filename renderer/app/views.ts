import {
  ChartLine,
  Cpu,
  Eye,
  Grid3x3,
  Images,
  ListOrdered,
  Settings,
  ShieldAlert,
  ShieldCheck,
  TableProperties,
} from '@lucide/vue';
import { defineAsyncComponent, type Component } from 'vue';
import type { AppCommandId } from '../../shared/contract/commands.ts';
import type { MessageKey } from '../i18n/index.ts';
import { useLibrary } from '../stores/library.ts';
import { useSweeps } from '../stores/sweeps.ts';

/** A page of the window. The sidebar, the view commands and the page itself are drawn from this list. */
export interface View {
  readonly id: string;
  readonly group: 'library' | 'results' | 'system';
  readonly title: MessageKey;
  readonly icon: Component;
  readonly command: AppCommandId;
  readonly component: Component;
  /** Number beside the name in the sidebar. */
  readonly count?: () => number;
}

export const VIEWS: readonly View[] = [
  {
    id: 'datasets',
    group: 'library',
    title: 'datasets.title',
    icon: Images,
    command: 'view.datasets',
    component: defineAsyncComponent(() => import('../datasets/DatasetsView.vue')),
    count: () => useLibrary().datasets.length,
  },
  {
    id: 'training',
    group: 'library',
    title: 'training.title',
    icon: ChartLine,
    command: 'view.training',
    component: defineAsyncComponent(() => import('../training/TrainingView.vue')),
    count: () => useLibrary().runs.length,
  },
  {
    id: 'sweeps',
    group: 'library',
    title: 'sweeps.title',
    icon: Grid3x3,
    command: 'view.sweeps',
    component: defineAsyncComponent(() => import('../sweeps/SweepsView.vue')),
    count: () => useSweeps().rows.length,
  },
  {
    id: 'evaluation',
    group: 'library',
    title: 'evaluation.title',
    icon: ShieldAlert,
    command: 'view.evaluation',
    component: defineAsyncComponent(() => import('../evaluation/EvaluationView.vue')),
    count: () => useLibrary().evaluations.length,
  },
  {
    id: 'attention',
    group: 'library',
    title: 'attention.title',
    icon: Eye,
    command: 'view.attention',
    component: defineAsyncComponent(() => import('../attention/AttentionView.vue')),
    count: () => useLibrary().galleries.length,
  },
  {
    id: 'check',
    group: 'library',
    title: 'check.title',
    icon: ShieldCheck,
    command: 'view.check',
    component: defineAsyncComponent(() => import('../check/CheckView.vue')),
    count: () => useLibrary().checks.length,
  },
  {
    id: 'compare',
    group: 'results',
    title: 'compare.title',
    icon: TableProperties,
    command: 'view.compare',
    component: defineAsyncComponent(() => import('../compare/CompareView.vue')),
  },
  {
    id: 'queue',
    group: 'system',
    title: 'queue.title',
    icon: ListOrdered,
    command: 'view.queue',
    component: defineAsyncComponent(() => import('../queue/QueueView.vue')),
    count: () => useLibrary().runningJobs.length + useLibrary().waitingJobs.length,
  },
  {
    id: 'engines',
    group: 'system',
    title: 'engines.title',
    icon: Cpu,
    command: 'view.engines',
    component: defineAsyncComponent(() => import('../engines/EnginesView.vue')),
  },
  {
    id: 'settings',
    group: 'system',
    title: 'settings.title',
    icon: Settings,
    command: 'view.settings',
    component: defineAsyncComponent(() => import('../settings/SettingsView.vue')),
  },
];
