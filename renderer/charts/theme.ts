import { CATEGORICAL, CATEGORICAL_DARK, DASHES } from '../../shared/domain/colour.ts';

export type ThemeName = 'light' | 'dark';

/** What charts draw with; the same values as the tokens, since a canvas knows no CSS variables. */
export interface ChartTheme {
  readonly ink: string;
  readonly faintInk: string;
  readonly line: string;
  readonly surface: string;
  readonly colours: readonly string[];
  readonly font: string;
}

const FONT = '"Inter Variable", Inter, system-ui, sans-serif';

const THEMES: Readonly<Record<ThemeName, ChartTheme>> = {
  light: { ink: '#1b1c1e', faintInk: '#676a71', line: '#e3e3df', surface: '#ffffff', colours: CATEGORICAL, font: FONT },
  dark: {
    ink: '#e7e8ea',
    faintInk: '#939aa3',
    line: '#2a2e34',
    surface: '#20242a',
    colours: CATEGORICAL_DARK,
    font: FONT,
  },
};

export function chartTheme(name: ThemeName): ChartTheme {
  return THEMES[name];
}

/** ECharts option of the box that follows the pointer, without what it says. */
export function tooltipFrame(theme: ChartTheme) {
  return {
    trigger: 'axis',
    renderMode: 'richText',
    confine: true,
    backgroundColor: theme.surface,
    borderColor: theme.line,
    borderWidth: 1,
    padding: [5, 8],
    textStyle: { color: theme.ink, fontSize: 11, fontFamily: theme.font },
  } as const;
}

/** Colour of a model's slot for drawing on a canvas. */
export function chartColour(slot: number, name: ThemeName): string {
  const { colours } = THEMES[name];
  return colours[slot % colours.length] ?? '#808080';
}

/** Dash pattern of a slot, in pixels. */
export function chartDash(slot: number): readonly number[] {
  return DASHES[slot % DASHES.length] ?? [];
}
