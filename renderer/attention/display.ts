import type { MapMethod } from '../../shared/domain/gallery.ts';
import { MAP_METHODS } from '../../shared/domain/gallery.ts';
import { SCALE_MODES, type ScaleMode } from '../../shared/domain/map-scale.ts';

/** How galleries are shown; remembered over restarts. */
export interface GalleryDisplay {
  readonly method: MapMethod;
  readonly layout: 'overlay' | 'side';
  readonly scale: ScaleMode;
  /** Of the map over the image, 0…1. */
  readonly opacity: number;
  readonly outline: boolean;
  readonly palette: 'viridis' | 'cividis';
}

export const USUAL_DISPLAY: GalleryDisplay = {
  method: 'activation',
  layout: 'overlay',
  scale: 'row',
  opacity: 0.7,
  outline: true,
  palette: 'viridis',
};

/** Whether a stored value is one, so that an old version's leftovers do no harm. */
export function isGalleryDisplay(value: unknown): value is GalleryDisplay {
  if (typeof value !== 'object' || value === null) return false;
  const { method, layout, scale, opacity, outline, palette } = value as Partial<GalleryDisplay>;
  return (
    MAP_METHODS.some((known) => known === method) &&
    (layout === 'overlay' || layout === 'side') &&
    SCALE_MODES.some((known) => known === scale) &&
    typeof opacity === 'number' &&
    opacity >= 0 &&
    opacity <= 1 &&
    typeof outline === 'boolean' &&
    (palette === 'viridis' || palette === 'cividis')
  );
}
