import { z } from 'zod';
import { entityId } from '../domain/ids.ts';

/** Pieces that the declarations of calls share. */
export function call<I extends z.ZodType, O extends z.ZodType>(
  input: I,
  output: O,
): { readonly input: I; readonly output: O } {
  return { input, output };
}

export const none = z.undefined();
export const one = z.strictObject({ id: entityId });
/** Where an export went, or null if the user closed the save dialog. */
export const savedFile = z.string().nullable();
