import { ipcMain, type IpcMainInvokeEvent } from 'electron';
import { CALL_CHANNEL, type CallReply } from '../../shared/contract/bridge.ts';
import type { CallName } from '../../shared/contract/calls.ts';
import { AppError } from '../../shared/domain/errors.ts';
import { dispatch, type Handlers } from './calls/dispatch.ts';
import { logUnexpected } from './log.ts';
import { APP_ORIGIN } from './policy.ts';

/** Answers the window's calls. Only the top frame of the application's own page is listened to. */
export function serveCalls(handlers: Handlers): void {
  ipcMain.handle(
    CALL_CHANNEL,
    (event, name: unknown, input: unknown): Promise<CallReply<CallName>> | CallReply<CallName> => {
      if (!isOwnPage(event)) {
        return {
          ok: false,
          error: new AppError('forbidden', 'Only the application’s own window may ask for this.').toData(),
        };
      }
      return dispatch(handlers, name, input, logUnexpected);
    },
  );
}

function isOwnPage({ senderFrame }: IpcMainInvokeEvent): boolean {
  return senderFrame !== null && senderFrame.parent === null && senderFrame.origin === APP_ORIGIN;
}
