import type { BrowserWindow } from 'electron';
import type { PackInstaller } from '../../services/engine-pack/installer.ts';
import type { Library } from '../../services/library.ts';
import type { EventStream } from '../event-stream.ts';

/** What the handlers of calls work with. */
export interface CallContext {
  readonly window: BrowserWindow;
  readonly events: EventStream;
  /** The open library; rejects with an AppError that names the folder if it cannot be opened. */
  readonly library: () => Promise<Library>;
  readonly installer: PackInstaller;
  /** Folder of the library, also when it cannot be opened. */
  readonly libraryFolder: string;
  /** Root of the application's own files. */
  readonly application: string;
  /** Files that were written for the user in this session, which may be shown in their folder. */
  readonly written: Set<string>;
}
