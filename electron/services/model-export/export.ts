import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../shared/domain/errors.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import type { ModelReading } from '../../../shared/domain/model.ts';
import { formatNpz } from '../../compute/arrays/npz.ts';
import type { Layer } from '../../compute/models/layer.ts';
import type { Library } from '../library.ts';
import { resourcePath } from '../resources.ts';
import { writeExport } from '../write-export.ts';
import { claimsOf } from './claims.ts';

export const EXPORT_FORMATS = ['npz', 'safetensors', 'onnx', 'verify'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ModelExport {
  /** Made if it is missing. */
  readonly folder: string;
  readonly formats: readonly ExportFormat[];
  /** Order of the axes of the ONNX graph's input. */
  readonly layout: ModelReading['layout'];
}

/**
 * Writes a model for other programs: `weights.npz`, `weights.safetensors`, `model.onnx`; for `verify` the layers
 * (`network.json`), every finished evaluation of the model with its images, and `verify.py`, which rebuilds the network
 * in PyTorch and checks the numbers.
 * @returns the files.
 * @throws AppError `unsupported` for a model of another program, whose file is there already; the errors of writing.
 */
export async function exportModel(library: Library, id: EntityId, options: ModelExport): Promise<string[]> {
  const model = library.models.file(id);
  if (model.foreign) {
    throw new AppError(
      'unsupported',
      `${model.name} came as a ${model.foreign.format} file and has no layers here to export: use that file, ${model.weights}.`,
      { details: { model: id } },
    );
  }
  const [{ readNpz }, { buildNetwork }, { areNormalised, checkArrays }, { onnxFile }, { formatSafetensors }] =
    await Promise.all([
      import('../../compute/arrays/npz.ts'),
      import('../../compute/models/network.ts'),
      import('../../compute/models/weights.ts'),
      import('../../compute/models/export/onnx.ts'),
      import('../../compute/models/export/safetensors.ts'),
    ]);
  const stored = await readNpz(model.weights);
  const network = buildNetwork(model.architecture, model.inputShape, model.classes, areNormalised(stored), {
    settings: model.architectureSettings,
  });
  checkArrays(network, stored, model.weights);
  const arrays = Object.fromEntries(
    network.parameters.flatMap(({ name }) => (stored[name] ? [[name, stored[name]] as const] : [])),
  );
  const { folder, formats, layout } = options;
  await mkdir(folder, { recursive: true });
  const files: string[] = [];
  const write = async (name: string, bytes: Uint8Array | string): Promise<void> => {
    const file = join(folder, name);
    await writeExport(file, typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes);
    files.push(file);
  };
  const verifies = formats.includes('verify');
  if (formats.includes('npz') || verifies) await write('weights.npz', formatNpz(arrays));
  if (formats.includes('safetensors')) {
    const facts = {
      architecture: network.architecture,
      input: `${network.inputShape.join('x')}, pixels in [0, 1]`,
      layout: 'filters height, width, in, out; dense layers in, out, after height, width, channels',
    };
    await write('weights.safetensors', formatSafetensors(arrays, facts));
  }
  if (formats.includes('onnx')) await write('model.onnx', onnxFile(network, arrays, layout));
  if (verifies) {
    const { name, seed, defence } = model;
    const { architecture, settings, inputShape, classes } = network;
    const layers = await describeLayers(network);
    const description = { name, architecture, settings, defence, seed, inputShape, classes, layers };
    await write('network.json', `${JSON.stringify(description, null, 2)}\n`);
    const { claims, archives } = await claimsOf(library, id);
    for (const [file, bytes] of archives) await write(file, bytes);
    await write('claims.json', `${JSON.stringify(claims, null, 2)}\n`);
    await write('verify.py', await readFile(resourcePath('verify', 'verify.py')));
  }
  return files;
}

/** The layers as data for `verify.py`, with the zeros around each convolution. */
async function describeLayers(network: { readonly layers: readonly Layer[] }): Promise<readonly object[]> {
  const { forwardPadding } = await import('../../compute/engines/kernels/shapes.ts');
  return network.layers.map((layer) => {
    if (layer.kind !== 'conv' && layer.kind !== 'depthwise') return layer;
    const { top, bottom, left, right } = forwardPadding(layer.filter, layer.kind === 'conv' ? layer.pad : 'same');
    return { ...layer, padding: [left, right, top, bottom] };
  });
}
