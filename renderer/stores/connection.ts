import type { Bridge } from '../../shared/contract/bridge.ts';
import type { CallInput, CallName, CallOutput } from '../../shared/contract/calls.ts';
import type { EventName, EventPayload } from '../../shared/contract/events.ts';
import { AppError } from '../../shared/domain/errors.ts';

type InputOf<N extends CallName> = undefined extends CallInput<N> ? [input?: CallInput<N>] : [input: CallInput<N>];

function bridge(): Bridge {
  return window.pairlight;
}

/**
 * Asks the main process. Inputs are copied as plain data first, since reactive objects cannot cross the bridge.
 * @throws AppError that main answered with.
 */
export async function call<N extends CallName>(name: N, ...[input]: InputOf<N>): Promise<CallOutput<N>> {
  const plain = (input === undefined ? undefined : JSON.parse(JSON.stringify(input))) as CallInput<N>;
  const reply = await bridge().call(name, plain);
  if (reply.ok) return reply.value;
  throw AppError.fromData(reply.error);
}

/** Listens to an event of the main process; the returned function stops it. */
export function listen<N extends EventName>(name: N, listener: (payload: EventPayload<N>) => void): () => void {
  return bridge().on(name, listener);
}

/** Path on disk of a file or folder that was dropped on the window. */
export function pathOf(file: File): string {
  return bridge().pathOf(file);
}
