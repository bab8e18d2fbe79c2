import { z } from 'zod';
import { AppError } from '../../../../shared/domain/errors.ts';
import { parseSettings, type SettingValues } from '../../../../shared/domain/settings.ts';
import { DENOISE_METHODS } from '../denoise.ts';
import { denoised } from './denoising.ts';
import type { ConfiguredArchitecture, Plan } from './plan.ts';

/** One architecture, as the registry holds it. */
export interface Architecture {
  readonly name: string;
  readonly label: string;
  readonly summary: string;
  /** Paper it follows, with section or table. */
  readonly source: string;
  readonly schema: z.ZodObject;
  /** @throws AppError `invalid-input` that names each wrong setting. */
  configure(values: SettingValues): ConfiguredArchitecture;
}

/** Width as a multiple of the published one. */
export const widthMultiplier = z.number().min(0.05).max(16).default(1).meta({
  label: 'Width',
  unit: '×',
  help: 'Channels and hidden units as a multiple of the published ones, in steps of 4.',
});

/** Settings that every architecture has beside its own. */
const denoising = {
  denoise: z.array(z.string()).default([]).meta({
    label: 'Denoise after',
    help: 'Stages with a block of feature denoising behind them (Xie et al. 2019): a filter, a 1×1 convolution, the identity.',
    options: 'layers',
    advanced: true,
  }),
  denoiseMethod: z.enum(DENOISE_METHODS).default('non-local-softmax').meta({
    label: 'Denoising filter',
    help: 'Non-local means with softmax or dot products, or a bilateral, mean or median filter of 3×3.',
    advanced: true,
  }),
};

interface DenoisingSettings {
  readonly denoise: readonly string[];
  readonly denoiseMethod: (typeof DENOISE_METHODS)[number];
}

/** Makes an {@link Architecture} from its description; `plan` gets settings that the schema has checked. */
export function defineArchitecture<S extends z.ZodRawShape>(definition: {
  readonly name: string;
  readonly label: string;
  readonly summary: string;
  readonly source: string;
  /** Its own settings, each with a default and a label. */
  readonly settings: S;
  readonly plan: (settings: z.output<z.ZodObject<S>>) => Plan;
}): Architecture {
  const { settings: own, plan, ...rest } = definition;
  const schema = z.strictObject({ ...own, ...denoising });
  const defaults = z.record(z.string(), z.unknown()).parse(schema.parse({}));
  return {
    ...rest,
    schema,
    configure(values) {
      const settings = parseSettings(schema, values, `architecture ${rest.name}`) as z.output<z.ZodObject<S>> &
        DenoisingSettings;
      const changed = Object.entries(settings).filter(
        ([key, value]) => JSON.stringify(value) !== JSON.stringify(defaults[key]),
      );
      return {
        name: rest.name,
        settings: settings as SettingValues,
        changed: Object.fromEntries(changed) as SettingValues,
        ...denoised(rest.name, plan(settings), settings.denoise, settings.denoiseMethod),
      };
    },
  };
}

/** Channels at a width: a multiple of 4, as the kernels like them; the published number at width 1. */
export function atWidth(channels: number, width: number): number {
  return width === 1 ? channels : Math.max(4, Math.round((channels * width) / 4) * 4);
}

/** @throws AppError `invalid-input` that names the field. */
export function refuseSetting(field: string, message: string): never {
  throw new AppError('invalid-input', `${field}: ${message}`, { details: { field } });
}
