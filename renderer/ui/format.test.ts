import { describe, expect, it } from 'vitest';
import {
  formatAccelerator,
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  formatRate,
  formatSignificant,
  secondsBetween,
} from './format.ts';

describe('numbers for reading', () => {
  it.each([
    [70_000, '70,000'],
    [0, '0'],
  ])('counts %d', (value, text) => expect(formatCount(value)).toBe(text));

  it('writes shares in per cent and a dash where there is none', () => {
    expect(formatPercent(0.934)).toBe('93.4');
    expect(formatPercent(0)).toBe('0.0');
    expect(formatPercent(null)).toBe('–');
    expect(formatPercent(Number.NaN)).toBe('–');
  });

  it.each([
    [0.002, '0.002'],
    [1.5e-7, '1.5e-7'],
    [2e-7, '2e-7'],
    [0, '0'],
    [123.456, '123'],
    [2.5e9, '2.5e9'],
  ])('keeps three digits of %d', (value, text) => expect(formatSignificant(value)).toBe(text));

  it.each([
    [999, '999 B'],
    [1.8e9, '1.8 GB'],
    [612e6, '612 MB'],
    [0, '0 B'],
  ])('writes %d bytes', (value, text) => expect(formatBytes(value)).toBe(text));
});

describe('times for reading', () => {
  it.each([
    [12.2, '12 s'],
    [577, '9.6 min'],
    [1800, '30 min'],
    [11_520, '3.2 h'],
    [172_800, '2.0 d'],
    [0.4, '0.4 s'],
  ])('writes %d seconds', (value, text) => expect(formatDuration(value)).toBe(text));

  it('writes rates with their unit', () => {
    expect(formatRate(412.4, 'examples')).toBe('412 examples/s');
    expect(formatRate(3.217, 'steps')).toBe('3.22 steps/s');
    expect(formatRate(null, 'steps')).toBe('–');
  });

  it('counts open times up to now', () => {
    const now = Date.parse('2026-01-01T00:01:00Z');
    expect(secondsBetween('2026-01-01T00:00:00Z', null, now)).toBe(60);
    expect(secondsBetween(null, null, now)).toBeNull();
  });
});

it('writes accelerators as the platform does', () => {
  expect(formatAccelerator('CmdOrCtrl+Shift+L', false)).toBe('Ctrl Shift L');
  expect(formatAccelerator('CmdOrCtrl+K', true)).toBe('⌘K');
});
