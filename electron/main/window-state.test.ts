import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { placeWindow, readWindowState, writeWindowState } from './window-state.ts';

const display = { x: 0, y: 0, width: 1920, height: 1080 };

describe('the place of the window', () => {
  it('is the middle of the first display at the first start', () => {
    expect(placeWindow(null, [display])).toEqual({ x: 240, y: 90, width: 1440, height: 900 });
  });

  it('is where it was', () => {
    const was = { x: 100, y: 50, width: 1200, height: 800 };
    expect(placeWindow(was, [display])).toEqual(was);
  });

  it('is on a display that exists, although it was left on one that is gone', () => {
    expect(placeWindow({ x: 2500, y: 50, width: 1200, height: 800 }, [display]).x).toBe(240);
  });

  it('fits a small display but stays usable', () => {
    expect(placeWindow(null, [{ x: 0, y: 0, width: 1280, height: 600 }])).toEqual({
      x: 0,
      y: 0,
      width: 1280,
      height: 700,
    });
  });
});

describe('the file of the window state', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pairlight-window-'));
  const state = { bounds: { x: 1, y: 2, width: 1300, height: 900 }, maximized: true, theme: 'dark' } as const;

  it('gives back what was written, and makes its folder', () => {
    const file = join(folder, 'deep', 'window.json');
    writeWindowState(file, state);
    expect(readWindowState(file)).toEqual(state);
    expect(existsSync(`${file}.new`)).toBe(false);
  });

  it.each(['', '{"bounds":', '[]', '{"bounds":{"x":"a"},"maximized":7,"theme":"pink"}'])(
    'gives defaults where it holds %j',
    (content) => {
      const file = join(folder, 'broken.json');
      writeFileSync(file, content);
      expect(readWindowState(file)).toEqual({ bounds: null, maximized: false, theme: 'system' });
    },
  );
});
