import type { Tile } from './thumbnails.ts';
import { HEADING, inSight, placeOf, WALL_PAD, type WallGroup, type WallLayout } from './wall-layout.ts';

/** Colours and font of the wall, read from the tokens once for each theme. */
export interface WallTheme {
  readonly background: string;
  readonly empty: string;
  readonly ink: string;
  readonly faint: string;
  readonly line: string;
  readonly accent: string;
  readonly accentInk: string;
  readonly surface: string;
  readonly font: string;
}

export function wallTheme(style: CSSStyleDeclaration): WallTheme {
  const of = (name: string): string => style.getPropertyValue(name);
  return {
    background: of('--bg'),
    empty: of('--sunken'),
    ink: of('--ink'),
    faint: of('--ink-3'),
    line: of('--line'),
    accent: of('--accent'),
    accentInk: of('--accent-ink'),
    surface: of('--surface'),
    font: of('--font'),
  };
}

export interface WallScene {
  readonly layout: WallLayout;
  readonly theme: WallTheme;
  /** How far the wall is scrolled, and the window on it, in CSS pixels; `ratio` device pixels for each. */
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly ratio: number;
  /** Width and height of the tiles that `tile` gives. */
  readonly kept: readonly [width: number, height: number];
  readonly tile: (slot: number) => Tile | null;
  readonly picked: (slot: number) => boolean;
  readonly excluded: (slot: number) => boolean;
  /** Slot of the keyboard, −1: none; and whether the wall has the focus. */
  readonly cursor: number;
  readonly focused: boolean;
  readonly describeGroup: (group: WallGroup) => string;
  readonly band: readonly [left: number, top: number, right: number, bottom: number] | null;
}

/**
 * Draws what is in sight of a wall.
 * @returns the first and the last slot drawn, or null if there is none.
 */
export function paintWall(
  context: CanvasRenderingContext2D,
  scene: WallScene,
): readonly [first: number, last: number] | null {
  const { layout, theme, top, width, height, ratio } = scene;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const [keptWidth, keptHeight] = scene.kept;
  context.imageSmoothingEnabled = Math.max(keptWidth, keptHeight) > layout.cell * ratio;
  context.imageSmoothingQuality = 'low';
  const sight = inSight(layout, top, top + height);
  let first = -1;
  let last = -1;
  for (const part of sight) {
    for (let slot = part.first; slot < part.end; slot++) {
      paintSlot(context, scene, slot);
      if (first < 0) first = slot;
      last = slot;
    }
  }
  for (const { group } of sight) {
    if (group.label === '') continue;
    const y = Math.min(Math.max(group.top - top, 0), group.bottom - top - HEADING);
    paintHeading(context, scene, group, y);
  }
  if (scene.band) paintBand(context, theme, scene.band, top);
  return first < 0 ? null : [first, last];
}

function paintSlot(context: CanvasRenderingContext2D, scene: WallScene, slot: number): void {
  const { layout, theme, ratio } = scene;
  const [left, wallTop] = placeOf(layout, slot);
  const snap = (value: number): number => Math.round(value * ratio) / ratio;
  const x = snap(left);
  const y = snap(wallTop - scene.top);
  const side = snap(layout.cell);
  const tile = scene.tile(slot);
  if (tile) {
    const [keptWidth, keptHeight] = scene.kept;
    const scale = side / Math.max(keptWidth, keptHeight);
    const w = snap(keptWidth * scale);
    const h = snap(keptHeight * scale);
    if (scene.excluded(slot)) context.globalAlpha = 0.28;
    context.drawImage(
      tile.surface,
      tile.x,
      tile.y,
      keptWidth,
      keptHeight,
      x + snap((side - w) / 2),
      y + snap((side - h) / 2),
      w,
      h,
    );
    context.globalAlpha = 1;
  } else {
    context.fillStyle = theme.empty;
    context.fillRect(x, y, side, side);
  }
  if (scene.picked(slot)) paintPicked(context, theme, x, y, side);
  if (slot === scene.cursor) {
    context.lineWidth = 2;
    context.strokeStyle = theme.surface;
    context.strokeRect(x + 1, y + 1, side - 2, side - 2);
    context.strokeStyle = scene.focused ? theme.accent : theme.faint;
    context.strokeRect(x - 1, y - 1, side + 2, side + 2);
  }
}

/** A veil and a tick in the corner, so that choice does not rest on colour alone. */
function paintPicked(context: CanvasRenderingContext2D, theme: WallTheme, x: number, y: number, side: number): void {
  context.globalAlpha = 0.3;
  context.fillStyle = theme.accent;
  context.fillRect(x, y, side, side);
  context.globalAlpha = 1;
  const radius = Math.min(8, side / 5);
  const [cx, cy] = [x + side - radius - 2, y + radius + 2];
  context.beginPath();
  context.arc(cx, cy, radius, 0, 2 * Math.PI);
  context.fillStyle = theme.accent;
  context.fill();
  context.beginPath();
  context.moveTo(cx - radius * 0.45, cy);
  context.lineTo(cx - radius * 0.1, cy + radius * 0.4);
  context.lineTo(cx + radius * 0.5, cy - radius * 0.4);
  context.lineWidth = Math.max(1, radius / 4);
  context.strokeStyle = theme.accentInk;
  context.stroke();
}

function paintHeading(context: CanvasRenderingContext2D, scene: WallScene, group: WallGroup, y: number): void {
  const { theme, width } = scene;
  context.fillStyle = theme.background;
  context.fillRect(0, y, width, HEADING - 4);
  context.textBaseline = 'middle';
  context.font = `600 12px ${theme.font}`;
  context.fillStyle = theme.ink;
  const middle = y + HEADING / 2 - 1;
  context.fillText(group.label, WALL_PAD, middle, width / 2);
  const after = WALL_PAD + Math.min(width / 2, context.measureText(group.label).width) + 8;
  context.font = `400 11px ${theme.font}`;
  context.fillStyle = theme.faint;
  context.fillText(scene.describeGroup(group), after, middle);
}

function paintBand(
  context: CanvasRenderingContext2D,
  theme: WallTheme,
  [left, bandTop, right, bottom]: readonly [number, number, number, number],
  top: number,
): void {
  context.globalAlpha = 0.12;
  context.fillStyle = theme.accent;
  context.fillRect(left, bandTop - top, right - left, bottom - bandTop);
  context.globalAlpha = 1;
  context.lineWidth = 1;
  context.strokeStyle = theme.accent;
  context.strokeRect(left + 0.5, bandTop - top + 0.5, right - left - 1, bottom - bandTop - 1);
}
