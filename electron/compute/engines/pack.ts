import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../../shared/domain/errors.ts';

/** What loading needs to know of an engine pack's manifest. */
const manifest = z.object({
  version: z.string(),
  variant: z.enum(['cpu', 'cuda']).default('cpu'),
  addon: z.object({ path: z.string().optional() }).optional(),
  files: z.array(z.object({ path: z.string(), bytes: z.number() })),
});

/** The manifest of the pack in `folder`; null if there is none that can be read. */
export function packManifest(folder: string): z.infer<typeof manifest> | null {
  try {
    return manifest.parse(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')));
  } catch {
    return null;
  }
}

/** Processors by their number in an ELF file (`e_machine`), and what Node calls them. */
const MACHINES: Readonly<Record<number, string>> = { 3: 'ia32', 40: 'arm', 62: 'x64', 183: 'arm64', 243: 'riscv64' };
const ELF_MAGIC = 0x7f454c46;
const ELF_MACHINE_AT = 18;

/** The processor for which an ELF file was built; null for any other file. */
function machineOf(file: string): string | null {
  const head = Buffer.alloc(ELF_MACHINE_AT + 2);
  const handle = openSync(file, 'r');
  try {
    readSync(handle, head, 0, head.length, 0);
  } finally {
    closeSync(handle);
  }
  if (head.readUInt32BE(0) !== ELF_MAGIC) return null;
  const number = head.readUInt16LE(ELF_MACHINE_AT);
  return MACHINES[number] ?? `processor ${number}`;
}

/**
 * Checks what would end the process, or be told in misleading words, if the system's loader met it: files that are
 * missing or cut off, and libraries for another processor. Without a manifest there is nothing to check.
 * @throws AppError `engine-pack`, naming the file.
 */
export function requireLoadable(folder: string): void {
  for (const { path, bytes } of packManifest(folder)?.files ?? []) {
    const file = join(folder, path);
    const found = statSync(file, { throwIfNoEntry: false });
    if (!found) throw damaged(folder, `${path} is missing`);
    if (found.size !== bytes) throw damaged(folder, `${path} has ${found.size} bytes instead of ${bytes}`);
    const machine = machineOf(file);
    if (machine !== null && machine !== process.arch) {
      throw damaged(folder, `${path} was built for ${machine}, and this machine is ${process.arch}`);
    }
  }
}

function damaged(folder: string, what: string): AppError {
  const message = `The tensorflow engine pack in ${folder} is not usable: ${what}. Install it again.`;
  return new AppError('engine-pack', message, { details: { folder } });
}

/** What the system's loader says of a library, in plain words where it is known. */
export function loadingFault(message: string, folder: string): string {
  const library = /([^\s:]+\.(?:so|node)[.\d]*)/.exec(message)?.[1]?.replace(`${folder}/`, '') ?? 'a library';
  if (/cannot open shared object file/.test(message)) return `${library} is missing`;
  if (/file too short|invalid ELF header|ELF load command|file data offset/.test(message)) {
    return `${library} is damaged (${message})`;
  }
  return message;
}
