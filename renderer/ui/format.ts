import { t } from '../i18n/index.ts';

const NONE = '–';

/** A whole number with thousands separated: `70,000`. */
export function formatCount(value: number): string {
  return value.toLocaleString('en-GB', { maximumFractionDigits: 0 });
}

/** A share 0…1 in per cent without the sign: `93.4`; a dash for null. */
export function formatPercent(share: number | null | undefined, digits = 1): string {
  return share == null || !Number.isFinite(share) ? NONE : (100 * share).toFixed(digits);
}

/** At most `digits` significant digits and no needless zeros: `0.002`, `1.5e-7`; a dash for null. */
export function formatSignificant(value: number | null | undefined, digits = 3): string {
  if (value == null || !Number.isFinite(value)) return NONE;
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e6)
    return value
      .toExponential(digits - 1)
      .replace(/\.?0+e/, 'e')
      .replace('e+', 'e');
  return Number(value.toPrecision(digits)).toString();
}

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A size in decimal units: `1.8 GB`. */
export function formatBytes(bytes: number): string {
  const step = bytes < 1000 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${BYTE_UNITS[step] ?? 'B'}`;
}

/** A length of time for reading at a glance: `12 s`, `9.6 min`, `3.2 h`; a dash for null. */
export function formatDuration(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return NONE;
  if (seconds < 1) return t('ui.time.seconds', { n: seconds.toFixed(1) });
  if (seconds < 60) return t('ui.time.seconds', { n: Math.round(seconds) });
  if (seconds < 3600) return t('ui.time.minutes', { n: (seconds / 60).toFixed(seconds < 600 ? 1 : 0) });
  if (seconds < 86_400) return t('ui.time.hours', { n: (seconds / 3600).toFixed(1) });
  return t('ui.time.days', { n: (seconds / 86_400).toFixed(1) });
}

/** A rate with its unit: `412 examples/s`; a dash for null. */
export function formatRate(rate: number | null | undefined, unit: string): string {
  if (rate == null || !Number.isFinite(rate)) return NONE;
  return `${rate >= 100 ? formatCount(rate) : formatSignificant(rate, 3)} ${unit}/s`;
}

/** An ISO time as local date and minute: `2026-11-22 16:05`. */
export function formatTime(iso: string | null): string {
  if (iso === null) return NONE;
  const date = new Date(iso);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Seconds between two ISO times, up to `now` (milliseconds) while the second is open; null before the first. */
export function secondsBetween(started: string | null, ended: string | null, now: number): number | null {
  if (started === null) return null;
  return Math.max(0, ((ended === null ? now : Date.parse(ended)) - Date.parse(started)) / 1000);
}

/** Image shape [height, width, channels] as `28×28×1`. */
export function formatShape(shape: readonly number[]): string {
  return shape.join('×');
}

/** Accelerator of a command as keys: `CmdOrCtrl+Shift+L` → `Ctrl ⇧ L`. */
export function formatAccelerator(accelerator: string, mac: boolean): string {
  return accelerator
    .split('+')
    .map((key) => (key === 'CmdOrCtrl' ? (mac ? '⌘' : 'Ctrl') : key === 'Shift' ? (mac ? '⇧' : 'Shift') : key))
    .join(mac ? '' : ' ');
}
