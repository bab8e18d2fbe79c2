import { CALLS, type CallName, type CallOutput, type CallParsed } from '../../../shared/contract/calls.ts';
import type { CallReply } from '../../../shared/contract/bridge.ts';
import { AppError, toAppError } from '../../../shared/domain/errors.ts';
import { parseSettings } from '../../../shared/domain/settings.ts';

/** One function for every call of the contract; a missing one does not compile. */
export type Handlers = {
  readonly [N in CallName]: (input: CallParsed<N>) => CallOutput<N> | Promise<CallOutput<N>>;
};

/**
 * Checks a request against the contract and carries it out. Never rejects: every error comes back as data.
 * @param onUnexpected gets what was thrown where it was no AppError, so that it can be logged with its stack.
 */
export async function dispatch(
  handlers: Handlers,
  name: unknown,
  input: unknown,
  onUnexpected: (name: string, thrown: unknown) => void = () => undefined,
): Promise<CallReply<CallName>> {
  try {
    if (!isCallName(name)) {
      throw new AppError('unsupported', `There is no call ${JSON.stringify(name) ?? 'without a name'}.`);
    }
    return { ok: true, value: await carryOut(handlers, name, input) };
  } catch (thrown) {
    const error = toAppError(thrown);
    if (error.code === 'internal') onUnexpected(String(name), thrown);
    return { ok: false, error: error.toData() };
  }
}

async function carryOut<N extends CallName>(handlers: Handlers, name: N, input: unknown): Promise<CallOutput<N>> {
  const parsed = parseSettings(CALLS[name].input, input, name) as CallParsed<N>;
  return handlers[name](parsed);
}

function isCallName(name: unknown): name is CallName {
  return typeof name === 'string' && Object.hasOwn(CALLS, name);
}
