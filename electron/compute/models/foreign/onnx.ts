import { readFile } from 'node:fs/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { AppError } from '../../../../shared/domain/errors.ts';
import { shapeSize } from '../../arrays/npy.ts';
import { unsupported, type ForeignSession } from './session.ts';

const ONE_INPUT = 'Export it with one input, a batch of images, and one output, [batch, classes].';

/** An ONNX classifier on the processor; see `openForeign`. */
export async function openOnnx(file: string, threads: number): Promise<ForeignSession> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new AppError('not-found', `${file} cannot be read.`, { cause, details: { file } });
  });
  const options = { executionProviders: ['cpu'], intraOpNumThreads: threads, interOpNumThreads: 1 };
  const session = await InferenceSession.create(bytes, { ...options, logSeverityLevel: 3 }).catch((cause: unknown) => {
    throw new AppError('bad-data', `${file} is no ONNX model, or is damaged: ${reason(cause)}`, {
      cause,
      details: { file },
    });
  });
  try {
    return { format: 'onnx', ...describe(file, session), dispose: () => session.release() };
  } catch (error) {
    await session.release();
    throw error;
  }
}

function describe(file: string, session: InferenceSession): Pick<ForeignSession, 'extents' | 'classes' | 'run'> {
  const [input, ...others] = session.inputMetadata;
  const [output, ...more] = session.outputMetadata;
  if (!input || others.length > 0) {
    const names = session.inputNames.join(', ') || 'none';
    throw unsupported(file, `takes ${session.inputNames.length} inputs (${names}), not one`, ONE_INPUT);
  }
  if (!output || more.length > 0) {
    const names = session.outputNames.join(', ') || 'none';
    throw unsupported(file, `has ${session.outputNames.length} outputs (${names}), not one`, ONE_INPUT);
  }
  if (!input.isTensor || input.type !== 'float32') {
    throw unsupported(file, `takes ${input.isTensor ? input.type : 'no tensor'}, not float32`, ONE_INPUT);
  }
  const shape = input.shape.map((extent) => (typeof extent === 'number' && extent > 0 ? extent : null));
  if (shape.length !== 4) {
    throw unsupported(
      file,
      `takes inputs of ${shape.length} axes, and images have four (batch, height, width, channels in some order)`,
      ONE_INPUT,
    );
  }
  const classes = output.isTensor && output.shape.length === 2 ? output.shape[1] : undefined;
  const [fixed = null, ...extents] = shape;
  return {
    extents,
    classes: typeof classes === 'number' && classes > 0 ? classes : null,
    run: async (images, count, given) => {
      const parts: Float32Array[] = [];
      const size = shapeSize(given);
      const step = fixed ?? Math.max(1, count);
      for (let start = 0; start < count; start += step) {
        const rows = Math.min(step, count - start);
        // A model of a fixed batch gets images of zeros behind the last ones.
        const batch = new Float32Array(step * size);
        batch.set(images.subarray(start * size, (start + rows) * size));
        const logits = await runOnce(file, session, new Tensor('float32', batch, [step, ...given]));
        parts.push(logits.subarray(0, (logits.length / step) * rows));
      }
      const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
      let offset = 0;
      for (const part of parts) {
        all.set(part, offset);
        offset += part.length;
      }
      return all;
    },
  };
}

async function runOnce(file: string, session: InferenceSession, batch: Tensor): Promise<Float32Array> {
  const [input = '', output = ''] = [session.inputNames[0], session.outputNames[0]];
  const results = await session.run({ [input]: batch }).catch((cause: unknown) => {
    const found = `[${batch.dims.join(', ')}]`;
    throw new AppError('bad-data', `${file} failed on images of ${found}: ${reason(cause)}`, {
      cause,
      details: { file, found },
    });
  });
  const logits = results[output];
  if (logits?.data instanceof Float32Array && logits.dims.length === 2 && logits.dims[0] === batch.dims[0]) {
    return logits.data;
  }
  const found = logits ? `${logits.type} [${logits.dims.join(', ')}]` : 'nothing';
  throw unsupported(file, `gives ${found} for ${batch.dims[0] ?? 0} images, not float32 [batch, classes]`, ONE_INPUT);
}

function reason(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split('\n')[0] ?? '';
}
