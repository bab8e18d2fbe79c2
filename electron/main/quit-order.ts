export interface QuitSteps {
  /** Asks the user where there is something to lose. */
  readonly mayQuit: () => Promise<boolean>;
  /** Stops and closes everything. */
  readonly close: () => Promise<void>;
  /** Ends the application; called once, when everything is closed. */
  readonly quit: () => void;
  readonly onError: (what: string, error: unknown) => void;
}

export interface QuitOrder {
  /** Everything is closed: the application may end. */
  readonly closed: () => boolean;
  /** The user wants to quit: asks first, once at a time. */
  readonly ask: () => void;
  /** Closes without a question. */
  readonly close: () => void;
}

/**
 * The order of quitting: open, asking, closing, closed. A question that fails counts as answered with no, so that the
 * user can try again; what does not close in time is left behind.
 * @param longest how long closing may take, in milliseconds.
 */
export function quitOrder(steps: QuitSteps, longest: number): QuitOrder {
  let state: 'open' | 'asking' | 'closing' | 'closed' = 'open';

  const close = async (): Promise<void> => {
    if (state === 'closing' || state === 'closed') return;
    state = 'closing';
    const late = new Promise<void>((resolve) => setTimeout(resolve, longest).unref());
    await Promise.race([steps.close().catch((error: unknown) => steps.onError('closing', error)), late]);
    state = 'closed';
    steps.quit();
  };
  const ask = async (): Promise<void> => {
    if (state !== 'open') return;
    state = 'asking';
    const yes = await steps.mayQuit().catch((error: unknown) => {
      steps.onError('asking before quitting', error);
      return false;
    });
    if (yes) await close();
    // A signal may have begun to close meanwhile.
    else if (state === 'asking') state = 'open';
  };

  return { closed: () => state === 'closed', ask: () => void ask(), close: () => void close() };
}
