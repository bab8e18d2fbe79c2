import { watch } from 'node:fs';
import type { EventHub } from '../events.ts';
import type { ModuleService } from './service.ts';

/** Editors write a file in several steps. */
const QUIET_MS = 300;

export interface ModuleWatch {
  /** Looks at the folder now. */
  readonly look: () => void;
  dispose(): void;
}

/** Tells listeners what the modules folder holds whenever a file in it has come, changed or gone. */
export function watchModules(
  modules: Pick<ModuleService, 'list'>,
  folder: string,
  events: Pick<EventHub, 'emit'>,
): ModuleWatch {
  let timer: NodeJS.Timeout | null = null;
  let disposed = false;
  const look = (): void => {
    modules.list().then(
      (overview) => {
        if (!disposed) events.emit('modules.changed', overview);
      },
      // The next look, or "Read again", meets the same fault and says it.
      () => undefined,
    );
  };
  const watcher = watch(folder, { persistent: false }, (_, name) => {
    if (name?.startsWith('.')) return;
    if (timer) clearTimeout(timer);
    timer = setTimeout(look, QUIET_MS);
  });
  watcher.on('error', () => watcher.close());
  return {
    look,
    dispose: () => {
      disposed = true;
      if (timer) clearTimeout(timer);
      watcher.close();
    },
  };
}
