import { describe, expect, it, vi } from 'vitest';
import {
  commands,
  handleShortcut,
  matchesAccelerator,
  registerCommands,
  runCommand,
  type Command,
} from './commands.ts';
import { matchScore, searchPalette, type PaletteEntry } from './palette.ts';

const key = (name: string, more: KeyboardEventInit = {}): KeyboardEvent =>
  new KeyboardEvent('keydown', { key: name, ...more });

describe('commands', () => {
  it('run by id and by shortcut while they are registered', () => {
    const run = vi.fn();
    const stop = registerCommands((): readonly Command[] => [
      { id: 'x', title: 'X', group: 'here', accelerator: 'CmdOrCtrl+Shift+X', run },
    ]);
    expect(runCommand('x')).toBe(true);
    expect(handleShortcut(key('X', { ctrlKey: true, shiftKey: true }), false)).toBe(true);
    expect(handleShortcut(key('x', { ctrlKey: true }), false)).toBe(false);
    expect(run).toHaveBeenCalledTimes(2);
    stop();
    expect(runCommand('x')).toBe(false);
    expect(commands.value).toEqual([]);
  });

  it('do nothing while they are disabled', () => {
    const run = vi.fn();
    const stop = registerCommands(() => [{ id: 'x', title: 'X', group: 'here', enabled: () => false, run }]);
    expect(runCommand('x')).toBe(false);
    expect(run).not.toHaveBeenCalled();
    stop();
  });

  it('know the command key of a Mac from control', () => {
    expect(matchesAccelerator(key('k', { metaKey: true }), 'CmdOrCtrl+K', true)).toBe(true);
    expect(matchesAccelerator(key('k', { ctrlKey: true }), 'CmdOrCtrl+K', true)).toBe(false);
    expect(matchesAccelerator(key('k', { ctrlKey: true, metaKey: true }), 'CmdOrCtrl+K', false)).toBe(false);
  });
});

describe('palette', () => {
  const entry = (title: string, detail = ''): PaletteEntry => ({
    key: title,
    group: 'runs',
    title,
    detail,
    run: () => undefined,
  });
  const entries = [
    entry('natural, seed 1'),
    entry('AT+ALP, seed 1', 'small-cnn'),
    entry('ALP, seed 1', 'mnist-cnn'),
    entry('Import data set…'),
  ];

  it('wants every word, wherever it stands', () => {
    expect(searchPalette(entries, 'cnn alp').map((found) => found.title)).toEqual(['ALP, seed 1', 'AT+ALP, seed 1']);
    expect(searchPalette(entries, 'nothing')).toEqual([]);
    expect(searchPalette(entries, ' ')).toEqual(entries);
  });

  it('puts beginnings of words first', () => {
    expect(matchScore('import', 'im')).toBeGreaterThan(matchScore('swimming', 'im') ?? 0);
  });
});
