import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { preferences } from '../../shared/contract/calls.ts';

export const MINIMUM_SIZE = { width: 1024, height: 700 } as const;
const FIRST_SIZE = { width: 1440, height: 900 } as const;

export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const windowState = z.object({
  bounds: z.object({ x: z.int(), y: z.int(), width: z.int(), height: z.int() }).nullable().catch(null),
  maximized: z.boolean().catch(false),
  /** The theme that was last chosen: the window has its colour before the library is open. */
  theme: preferences.shape.theme.catch('system'),
});
export type WindowState = z.infer<typeof windowState>;

/** What the window looked like when it was last closed; defaults where the file is missing or damaged. */
export function readWindowState(file: string): WindowState {
  let stored: unknown = {};
  try {
    stored = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // First start, or a damaged file: nothing is lost but the window's place.
  }
  const parsed = windowState.safeParse(stored);
  return parsed.success ? parsed.data : windowState.parse({});
}

/** Writes the state; a folder that cannot be written only costs the window's place next time. */
export function writeWindowState(file: string, state: WindowState): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, JSON.stringify(state));
    renameSync(`${file}.new`, file);
  } catch {
    return;
  }
}

/**
 * Where the window opens: as it was if a grip of its title bar (at least 120 × 40 pixels) is on one of the displays, else
 * centred on the first. Never smaller than {@link MINIMUM_SIZE}, nor larger than the display.
 * @param displays work areas, the primary one first.
 */
export function placeWindow(stored: Area | null, displays: readonly Area[]): Area {
  const visible = stored && displays.find((display) => overlaps(stored, display));
  if (stored && visible) return { ...stored, ...fitted(stored, visible) };
  const home = displays[0] ?? { x: 0, y: 0, ...FIRST_SIZE };
  const size = fitted(FIRST_SIZE, home);
  return {
    x: home.x + Math.max(0, Math.round((home.width - size.width) / 2)),
    y: home.y + Math.max(0, Math.round((home.height - size.height) / 2)),
    ...size,
  };
}

function fitted(size: Pick<Area, 'width' | 'height'>, display: Area): Pick<Area, 'width' | 'height'> {
  return {
    width: Math.max(MINIMUM_SIZE.width, Math.min(size.width, display.width)),
    height: Math.max(MINIMUM_SIZE.height, Math.min(size.height, display.height)),
  };
}

function overlaps(window: Area, display: Area): boolean {
  const width = Math.min(window.x + window.width, display.x + display.width) - Math.max(window.x, display.x);
  const top = window.y >= display.y - 1 && window.y + 40 <= display.y + display.height;
  return width >= 120 && top;
}
