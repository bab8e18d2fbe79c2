import { computed, onActivated, onBeforeUnmount, onDeactivated, onMounted, shallowRef } from 'vue';

/** Something the user can ask for by name. Palette, shortcuts, shortcut sheet and the application's menu are views of the list. */
export interface Command {
  readonly id: string;
  readonly title: string;
  readonly group: 'file' | 'view' | 'help' | 'here';
  /** Electron accelerator such as `CmdOrCtrl+I`. */
  readonly accelerator?: string | null;
  readonly enabled?: () => boolean;
  readonly run: () => void;
}

const sources = shallowRef<readonly (() => readonly Command[])[]>([]);

/** Every command that can be asked for now. */
export const commands = computed(() => sources.value.flatMap((source) => source()));

/** Adds commands until the returned function is called. */
export function registerCommands(source: () => readonly Command[]): () => void {
  sources.value = [...sources.value, source];
  return () => {
    sources.value = sources.value.filter((other) => other !== source);
  };
}

/** Adds a view's commands while it is shown. */
export function useCommands(source: () => readonly Command[]): void {
  let stop: (() => void) | null = null;
  const start = (): void => {
    stop ??= registerCommands(source);
  };
  const end = (): void => {
    stop?.();
    stop = null;
  };
  onMounted(start);
  onActivated(start);
  onDeactivated(end);
  onBeforeUnmount(end);
}

/** Carries out a command; false if there is none of that id or it is disabled now. */
export function runCommand(id: string): boolean {
  const command = commands.value.find((candidate) => candidate.id === id);
  if (!command || command.enabled?.() === false) return false;
  command.run();
  return true;
}

/** Whether a key press is the accelerator. On a Mac `CmdOrCtrl` is the command key. */
export function matchesAccelerator(event: KeyboardEvent, accelerator: string, mac: boolean): boolean {
  const parts = accelerator.split('+');
  const key = parts.at(-1) ?? '';
  const wants = (name: string): boolean => parts.slice(0, -1).includes(name);
  const primary = mac ? event.metaKey : event.ctrlKey;
  const other = mac ? event.ctrlKey : event.metaKey;
  return (
    event.key.toLowerCase() === key.toLowerCase() &&
    primary === wants('CmdOrCtrl') &&
    event.shiftKey === wants('Shift') &&
    event.altKey === wants('Alt') &&
    !other
  );
}

/** Runs the command whose accelerator was pressed; true if there was one. */
export function handleShortcut(event: KeyboardEvent, mac: boolean): boolean {
  const command = commands.value.find(
    (candidate) => candidate.accelerator && matchesAccelerator(event, candidate.accelerator, mac),
  );
  return command !== undefined && runCommand(command.id);
}
