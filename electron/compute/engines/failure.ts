import type { EngineName } from '../../../shared/domain/engine.ts';
import { AppError, toAppError } from '../../../shared/domain/errors.ts';
import { memoryText } from '../../../shared/domain/memory.ts';

/**
 * TensorFlow's status RESOURCE_EXHAUSTED as its addon words it, and oneDNN's `dnnl_out_of_memory` (1) inside it; V8's words
 * where an array finds no room.
 */
const NO_MEMORY =
  /Invalid TF_Status: 8\b|exception: ?Status: 1\b|OOM when allocating|RESOURCE_EXHAUSTED|std::bad_alloc|Array buffer allocation failed|Invalid (typed )?array( buffer)? length|out of memory|could not allocate/i;
/** What Emscripten says when C++ finds no memory, and when anything else ends it. */
const WASM_ENDED = /^Aborted\(|memory access out of bounds|unreachable/;
/** WebAssembly's memory ends at 4 GiB; a process that has come this far has hit that, in bytes. */
const NEAR_WASM_LIMIT = 3e9;

const LESS_MEMORY = 'Use a smaller batch or fewer examples, or close other programs.';

/**
 * What a computation threw, for a person: `out-of-memory` where an engine or V8 found no room, else `engine-failed`
 * with the engine and, if known, its operation. An AppError stays what it is.
 * @param rss resident memory of the process, in bytes.
 */
export function engineFailure(
  thrown: unknown,
  engine: EngineName,
  operation: string | null = null,
  rss = process.memoryUsage.rss(),
): AppError {
  if (thrown instanceof AppError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const details = { engine, operation };
  const where = operation === null ? '' : ` in ${operation}`;
  if (NO_MEMORY.test(message) || (WASM_ENDED.test(message) && rss >= NEAR_WASM_LIMIT)) {
    const text = `The ${engine} engine found no memory${where}; this process uses ${memoryText(rss)}. ${LESS_MEMORY}`;
    return new AppError('out-of-memory', text, { cause: thrown, details, retry: true });
  }
  const said = message.replace(/^Invalid TF_Status: \d+\s*Message: /, '').trim();
  const text = `The ${engine} engine failed${where}: ${said.replace(/\.?$/, '.')} What was computed before is kept; resume the job, or try another engine.`;
  return new AppError('engine-failed', text, { cause: thrown, details, retry: true });
}

/** What a job threw outside any operation that is known by name: missing memory is told as such there as well. */
export function jobFailure(thrown: unknown): AppError {
  if (thrown instanceof WebAssembly.RuntimeError) return engineFailure(thrown, 'wasm');
  const error = toAppError(thrown);
  if (!(thrown instanceof RangeError) || !NO_MEMORY.test(thrown.message)) return error;
  const used = memoryText(process.memoryUsage.rss());
  const text = `There was no memory for an array (${thrown.message}); this process uses ${used}. ${LESS_MEMORY}`;
  return new AppError('out-of-memory', text, { cause: thrown, retry: true });
}
