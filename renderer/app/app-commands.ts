import { APP_COMMANDS, type AppCommandId } from '../../shared/contract/commands.ts';
import { useDialogs } from '../stores/dialogs.ts';
import { useLibrary } from '../stores/library.ts';
import { useNavigation } from '../stores/navigation.ts';
import { usePreferences } from '../stores/preferences.ts';
import type { Command } from './commands.ts';
import { VIEWS } from './views.ts';

/** The commands that work everywhere. */
export function appCommands(): readonly Command[] {
  const dialogs = useDialogs();
  const library = useLibrary();
  const navigation = useNavigation();
  const preferences = usePreferences();
  const hasDataset = (): boolean => library.datasets.length > 0;
  const hasModel = (): boolean => library.models.length > 0;

  function act(id: AppCommandId): Pick<Command, 'run' | 'enabled'> {
    switch (id) {
      case 'dataset.import':
        return { run: () => (dialogs.importData = { from: 'nothing' }) };
      case 'model.import':
        return { run: () => (dialogs.importModel = true), enabled: hasDataset };
      case 'run.new':
        return { run: () => (dialogs.newRun = {}), enabled: hasDataset };
      case 'sweep.new':
        return { run: () => (dialogs.newSweep = { from: 'nothing' }), enabled: hasDataset };
      case 'evaluation.new':
        return {
          run: () => {
            navigation.open('evaluation');
            dialogs.newEvaluation = true;
          },
          enabled: hasModel,
        };
      case 'gallery.new':
        return {
          run: () => {
            navigation.open('attention');
            dialogs.newGallery = true;
          },
          enabled: hasModel,
        };
      case 'theme.toggle':
        return { run: () => void preferences.change({ theme: preferences.theme === 'dark' ? 'light' : 'dark' }) };
      case 'palette.open':
        return { run: () => (dialogs.palette = true) };
      case 'shortcuts.show':
        return { run: () => (dialogs.shortcuts = true) };
      case 'view.datasets':
      case 'view.training':
      case 'view.sweeps':
      case 'view.evaluation':
      case 'view.attention':
      case 'view.check':
      case 'view.compare':
      case 'view.queue':
      case 'view.engines':
      case 'view.settings':
        return { run: () => navigation.open(VIEWS.find((view) => view.command === id)?.id ?? 'datasets') };
    }
  }

  return APP_COMMANDS.map((command) => ({
    id: command.id,
    title: command.label,
    group: command.menu,
    accelerator: command.accelerator,
    ...act(command.id),
  }));
}
