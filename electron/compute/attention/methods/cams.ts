import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { defineMap, type MapDefinition, type MapTask } from './method.ts';

/** Added below fractions, as PyTorch's pytorch-grad-cam does, so that channels of zeros weigh 0. */
const PLUS_PLUS_FLOOR = 1e-6;
const XGRAD_FLOOR = 1e-7;
const NONE = z.strictObject({});

type Weighting = (activation: tf.Tensor4D, slope: tf.Tensor4D) => tf.Tensor4D;

/** ReLU(Σ_c weight_c · A_c) for weights that come from one gradient; they differ in nothing else. */
function gradientCam(
  facts: Pick<MapDefinition, 'name' | 'label' | 'summary' | 'source'>,
  weighting: Weighting,
): MapDefinition {
  return defineMap({
    ...facts,
    level: 'layer',
    signed: false,
    explains: true,
    schema: NONE,
    passes: () => 2,
    make: (task: MapTask) =>
      Promise.resolve(
        tf.tidy(() => {
          const { activation } = task;
          return tf.relu(tf.sum<tf.Tensor3D>(tf.mul(weighting(activation, task.slope()), activation), 3));
        }),
      ),
  });
}

const overPositions = (tensor: tf.Tensor): tf.Tensor4D => tf.sum<tf.Tensor4D>(tensor, [1, 2], true);

export const gradCam = gradientCam(
  {
    name: 'grad-cam',
    label: 'Grad-CAM',
    summary: 'Channels weighted by the mean of the score’s gradient over all positions.',
    source: 'Selvaraju et al. 2017, arXiv 1610.02391, eq. 1 and 2',
  },
  (_, slope) => tf.mean<tf.Tensor4D>(slope, [1, 2], true),
);

export const gradCamPlusPlus = gradientCam(
  {
    name: 'grad-cam-plus-plus',
    label: 'Grad-CAM++',
    summary: 'Positions that raise the score count by how much they do; finds several objects of a class.',
    source:
      'Chattopadhay et al. 2018, arXiv 1710.11063, eq. 10 and 19, with the gradient of the logit for that of exp(logit)',
  },
  (activation, slope) => {
    const squared = tf.square(slope);
    const cubes = tf.mul(overPositions(activation), tf.mul(squared, slope));
    const share = tf.div(squared, tf.add(tf.add(tf.mul(squared, 2), cubes), PLUS_PLUS_FLOOR));
    const counted = tf.mul(share, tf.cast(tf.notEqual(slope, 0), 'float32'));
    return overPositions(tf.mul(counted, tf.relu(slope)));
  },
);

export const hiResCam = gradientCam(
  {
    name: 'hires-cam',
    label: 'HiResCAM',
    summary: 'Every position weighted by its own gradient: what the layer behind it really used.',
    source: 'Draelos & Carin 2020, arXiv 2011.08891, eq. 6',
  },
  (_, slope) => slope,
);

export const xGradCam = gradientCam(
  {
    name: 'xgrad-cam',
    label: 'XGrad-CAM',
    summary: 'Gradients averaged over the positions in proportion to the activation there.',
    source: 'Fu et al. 2020, arXiv 2008.02312, eq. 8',
  },
  (activation, slope) =>
    tf.div<tf.Tensor4D>(overPositions(tf.mul(slope, activation)), tf.add(overPositions(activation), XGRAD_FLOOR)),
);

export const layerCam = gradientCam(
  {
    name: 'layer-cam',
    label: 'Layer-CAM',
    summary: 'Every position weighted by its own gradient where that raises the score; sharp in early layers.',
    source: 'Jiang et al. 2021, IEEE TIP 30, eq. 6 and 7',
  },
  (_, slope) => tf.relu(slope),
);
