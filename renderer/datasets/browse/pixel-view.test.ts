import { describe, expect, it } from 'vitest';
import {
  channelHistograms,
  cornerOf,
  fitSight,
  pixelAt,
  pixelNumbers,
  valuesAt,
  withinImage,
  zoomedBy,
  zoomText,
} from './pixel-view.ts';

const box = { width: 260, height: 260 };

describe('an image at pixel scale', () => {
  it('fits with a whole zoom, or a whole part for large images', () => {
    expect(fitSight([28, 28, 1], box)).toEqual({ zoom: 8, x: 14, y: 14 });
    expect(fitSight([500, 400, 3], box).zoom).toBe(1 / 2);
    expect([8, 1 / 3].map(zoomText)).toEqual(['8×', '1/3×']);
  });

  it('keeps what is under the pointer there while zooming', () => {
    const sight = fitSight([64, 64, 3], box);
    const at = [200, 60] as const;
    const before = pixelAt(sight, [64, 64, 3], box, at);
    const closer = zoomedBy(zoomedBy(sight, box, 1, at), box, 1, at);
    expect(closer.zoom).toBe(6);
    expect(pixelAt(closer, [64, 64, 3], box, at)).toEqual(before);
    expect(zoomedBy({ ...sight, zoom: 64 }, box, 1, at).zoom).toBe(64);
  });

  it('never loses the image', () => {
    expect(withinImage({ zoom: 8, x: 900, y: -3 }, [28, 28, 1], box)).toEqual({ zoom: 8, x: 14, y: 14 });
    const far = withinImage({ zoom: 20, x: 900, y: -3 }, [28, 28, 1], box);
    expect(cornerOf(far, box)).toEqual([260 - 28 * 20, 0]);
  });

  it('names the pixel at a point and its values', () => {
    const sight = fitSight([2, 2, 3], { width: 128, height: 128 });
    expect(pixelAt(sight, [2, 2, 3], { width: 128, height: 128 }, [100, 10])).toEqual([1, 0]);
    expect(pixelAt(sight, [2, 2, 3], { width: 200, height: 128 }, [1, 10])).toBeNull();
    expect(valuesAt([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [2, 2, 3], [1, 1])).toEqual([10, 11, 12]);
  });
});

it('counts values by channel', () => {
  const [red, green] = channelHistograms(Float32Array.of(0, 1, 0.2, 0.5), 2, 4);
  expect([...red!]).toEqual([1, 0, 0, 0]);
  expect([...green!]).toEqual([0, 0, 0.5, 0.5]);
});

it('describes an image by its pixels', () => {
  const { minimum, maximum, mean, deviation } = pixelNumbers(Float32Array.of(0, 0, 0.5, 1));
  expect([minimum, maximum, mean]).toEqual([0, 1, 0.375]);
  expect(deviation).toBeCloseTo(0.41458, 5);
});
