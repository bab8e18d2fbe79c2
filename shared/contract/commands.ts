/**
 * Commands that the application's menu and the window share. The menu sends `app.command` with the id; the window's
 * command registry carries it out, and shows the same accelerator in its palette and shortcut sheet.
 */
export interface AppCommand {
  readonly id: string;
  readonly label: string;
  readonly menu: 'file' | 'view' | 'help';
  /** Electron accelerator; null for none. */
  readonly accelerator: string | null;
}

export const APP_COMMANDS = [
  { id: 'dataset.import', label: 'Import data set…', menu: 'file', accelerator: 'CmdOrCtrl+I' },
  { id: 'model.import', label: 'Import model weights…', menu: 'file', accelerator: null },
  { id: 'run.new', label: 'New training run…', menu: 'file', accelerator: 'CmdOrCtrl+N' },
  { id: 'sweep.new', label: 'New sweep…', menu: 'file', accelerator: 'CmdOrCtrl+Shift+N' },
  { id: 'evaluation.new', label: 'New evaluation…', menu: 'file', accelerator: 'CmdOrCtrl+E' },
  { id: 'gallery.new', label: 'New attention gallery…', menu: 'file', accelerator: 'CmdOrCtrl+G' },
  { id: 'view.datasets', label: 'Data sets', menu: 'view', accelerator: 'CmdOrCtrl+1' },
  { id: 'view.training', label: 'Training', menu: 'view', accelerator: 'CmdOrCtrl+2' },
  { id: 'view.sweeps', label: 'Sweeps', menu: 'view', accelerator: 'CmdOrCtrl+9' },
  { id: 'view.evaluation', label: 'Evaluation', menu: 'view', accelerator: 'CmdOrCtrl+3' },
  { id: 'view.attention', label: 'Attention', menu: 'view', accelerator: 'CmdOrCtrl+4' },
  { id: 'view.check', label: 'Masking check', menu: 'view', accelerator: 'CmdOrCtrl+8' },
  { id: 'view.compare', label: 'Compare', menu: 'view', accelerator: 'CmdOrCtrl+5' },
  { id: 'view.queue', label: 'Queue', menu: 'view', accelerator: 'CmdOrCtrl+6' },
  { id: 'view.engines', label: 'Engines', menu: 'view', accelerator: 'CmdOrCtrl+7' },
  { id: 'view.settings', label: 'Settings', menu: 'view', accelerator: 'CmdOrCtrl+,' },
  { id: 'theme.toggle', label: 'Switch light and dark', menu: 'view', accelerator: 'CmdOrCtrl+Shift+L' },
  { id: 'palette.open', label: 'Search and commands', menu: 'view', accelerator: 'CmdOrCtrl+K' },
  { id: 'shortcuts.show', label: 'Keyboard shortcuts', menu: 'help', accelerator: 'CmdOrCtrl+/' },
] as const satisfies readonly AppCommand[];

export type AppCommandId = (typeof APP_COMMANDS)[number]['id'];
