import { loadLayersModel, type LayersModel } from '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { AppError } from '../../../../shared/domain/errors.ts';
import { readTfjsFiles } from './tfjs-files.ts';
import { unsupported, type ForeignSession } from './session.ts';

const ADVICE = 'Save a model with one input, a batch of images, and one output, [batch, classes].';

/** A tfjs LayersModel on the engine that is loaded; see `openForeign`. */
export async function openTfjs(file: string): Promise<ForeignSession> {
  const { topology, specs, data } = await readTfjsFiles(file);
  const handler = {
    load: () => Promise.resolve({ modelTopology: topology, weightSpecs: [...specs], weightData: data }),
  };
  const model = await loadLayersModel(handler).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AppError('bad-data', `${file} cannot be loaded as a tfjs LayersModel: ${reason}`, {
      cause,
      details: { file },
    });
  });
  try {
    return { format: 'tfjs', ...describe(file, model), dispose: () => Promise.resolve(void model.dispose()) };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function describe(file: string, model: LayersModel): Pick<ForeignSession, 'extents' | 'classes' | 'run'> {
  if (model.inputs.length !== 1) throw unsupported(file, `takes ${model.inputs.length} inputs, not one`, ADVICE);
  if (model.outputs.length !== 1) throw unsupported(file, `has ${model.outputs.length} outputs, not one`, ADVICE);
  const [inputs, outputs] = [model.inputs[0]?.shape ?? [], model.outputs[0]?.shape ?? []];
  if (inputs.length !== 4) {
    throw unsupported(file, `takes inputs of ${inputs.length} axes, and images have four`, ADVICE);
  }
  if (outputs.length !== 2) throw unsupported(file, `gives outputs of ${outputs.length} axes, not two`, ADVICE);
  return {
    extents: inputs.slice(1),
    classes: outputs[1] ?? null,
    run: async (images, count, extents) => {
      const output = tf.tidy(() => model.predict(tf.tensor(images, [count, ...extents])) as tf.Tensor);
      try {
        return await output.data<'float32'>();
      } finally {
        output.dispose();
      }
    },
  };
}
