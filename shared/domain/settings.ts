import { z } from 'zod';
import { AppError } from './errors.ts';
import { issueText } from './issue-text.ts';

z.config({ jitless: true, customError: issueText });

/** A value that a form, a flag or a config file can hold. */
export type SettingValue = number | string | boolean | null | readonly string[];
export type SettingValues = Readonly<Record<string, SettingValue>>;
export const settingValues = z.record(
  z.string(),
  z.union([z.number(), z.string(), z.boolean(), z.null(), z.array(z.string())]),
);

/**
 * What the schema of one setting says about itself, via zod's `.meta({...})`.
 * `label` names it in forms and tables, `help` is one sentence, `unit` follows the number.
 */
export interface SettingMeta {
  readonly label: string;
  readonly help?: string;
  readonly unit?: string;
  /** True for settings that most users never touch; forms fold them away. */
  readonly advanced?: boolean;
  /** Names a value set that only the caller knows, such as the layers of the chosen architecture. */
  readonly options?: 'layers' | 'models';
  /** Settings of one group stand together in forms, under the group's title. */
  readonly group?: string;
  /** The setting means something only where another one has one of these values; forms hide it elsewhere. */
  readonly when?: { readonly key: string; readonly is: readonly SettingValue[] };
}

/** One setting, described for forms, command-line flags and documentation. */
export interface SettingField extends SettingMeta {
  readonly key: string;
  readonly type: 'number' | 'integer' | 'boolean' | 'choice' | 'text' | 'list';
  readonly default: SettingValue;
  readonly nullable: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly choices?: readonly string[];
}

interface JsonProperty {
  readonly type?: string;
  readonly anyOf?: readonly JsonProperty[];
  readonly enum?: readonly string[];
  readonly default?: SettingValue;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

/** The fields of a settings schema (a strict zod object whose properties all have defaults and `.meta`), in order. */
export function describeSettings(schema: z.ZodObject): readonly SettingField[] {
  const json = z.toJSONSchema(schema, { io: 'input' }) as unknown as {
    properties?: Record<string, JsonProperty & SettingMeta>;
  };
  return Object.entries(json.properties ?? {}).map(([key, property]) => {
    const variants = property.anyOf ?? [property];
    const main = variants.find((variant) => variant.type !== 'null') ?? property;
    const minimum = main.minimum ?? main.exclusiveMinimum;
    return {
      key,
      label: property.label ?? key,
      type: fieldType(main),
      default: property.default ?? null,
      nullable: variants.some((variant) => variant.type === 'null'),
      ...(property.help !== undefined && { help: property.help }),
      ...(property.unit !== undefined && { unit: property.unit }),
      ...(property.advanced !== undefined && { advanced: property.advanced }),
      ...(property.options !== undefined && { options: property.options }),
      ...(property.group !== undefined && { group: property.group }),
      ...(property.when !== undefined && { when: property.when }),
      ...(minimum !== undefined && Math.abs(minimum) < Number.MAX_SAFE_INTEGER && { minimum }),
      ...(main.maximum !== undefined && main.maximum < Number.MAX_SAFE_INTEGER && { maximum: main.maximum }),
      ...(main.enum !== undefined && { choices: main.enum }),
    };
  });
}

function fieldType(property: JsonProperty): SettingField['type'] {
  if (property.enum) return 'choice';
  switch (property.type) {
    case 'integer':
      return 'integer';
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'array':
      return 'list';
    default:
      return 'text';
  }
}

/**
 * Parses settings and fills in defaults.
 * @param where what the settings belong to, for the message: `attack pgd`, `defence at-alp`.
 * @throws AppError `invalid-input` that names each wrong field, what is wrong with it, and the valid fields.
 */
export function parseSettings<S extends z.ZodType>(schema: S, values: unknown, where: string): z.output<S> {
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  throw new AppError('invalid-input', `${where}: ${describeIssues(parsed.error)}`, {
    details: { where, field: parsed.error.issues[0]?.path.join('.') ?? '' },
  });
}

/** The issues of a zod error in one line: `epsilon: must be at least 0 (it is -1)`. */
export function describeIssues(error: z.ZodError): string {
  return error.issues
    .map((issue) => `${issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''}${issue.message}`)
    .join('; ');
}
