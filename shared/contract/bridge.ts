import type { ErrorData } from '../domain/errors.ts';
import type { CallInput, CallName, CallOutput } from './calls.ts';
import type { EventName, EventPayload } from './events.ts';

/** IPC channel names, used by preload and main alone. */
export const CALL_CHANNEL = 'pairlight:call';
export const EVENT_CHANNEL = 'pairlight:event';

/** What main answers to a call: errors travel as data. */
export type CallReply<N extends CallName> =
  { readonly ok: true; readonly value: CallOutput<N> } | { readonly ok: false; readonly error: ErrorData };

/** `window.pairlight`, the whole of what the renderer can reach. */
export interface Bridge {
  call<N extends CallName>(name: N, input: CallInput<N>): Promise<CallReply<N>>;
  /** Calls `listener` for each event of that name; returns the function that stops it. */
  on<N extends EventName>(name: N, listener: (payload: EventPayload<N>) => void): () => void;
  /** The path of a file that the user dropped on the window. */
  pathOf(file: File): string;
}

/** Scheme of the application's own protocol: `pairlight://app/…` serves the window, `pairlight://tensor/…` arrays. */
export const SCHEME = 'pairlight';

/**
 * Address of rows of an array in the library; main answers with the raw little-endian bytes and the headers
 * `x-dtype` (`u8`, `u16`, `f32`) and `x-shape` (`64,28,28,1`).
 * Data sets: `images`, `labels`, `splits`, `masks`. Previews of an import: `sample`. Evaluations: `<model>/adversarial`. Galleries: `<model>/map-<method>-clean`, ….
 * @param rows positions along the first axis; all rows if left out.
 */
export function tensorUrl(
  owner: 'dataset' | 'preview' | 'evaluation' | 'gallery',
  id: string,
  array: string,
  rows?: readonly number[],
): string {
  return `${SCHEME}://tensor/${owner}/${id}/${array}${rows ? `?rows=${rows.join(',')}` : ''}`;
}
