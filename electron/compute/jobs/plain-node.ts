import { execFile, fork, type ChildProcess } from 'node:child_process';
import { sep } from 'node:path';
import { promisify } from 'node:util';
import type { EngineChoice } from '../../../shared/domain/engine.ts';
import type { HostMessage, JobSpec, OwnerMessage } from '../../../shared/domain/job.ts';
import { findAdapter, SOFTWARE_ADAPTERS } from '../engines/dawn.ts';

/**
 * The webgpu engine in Electron: Electron lets no addon show memory of its own to JavaScript, which is how Dawn hands
 * results over. So the job runs in a second process, of a plain Node, and this one passes messages on.
 */
export interface NodeProcess {
  send(message: OwnerMessage): void;
}

/** Oldest versions that run the built job host, and its sources. */
const OLDEST = { built: [20, 19], sources: [22, 18] } as const;

/**
 * The program of a plain Node for this job; null where the job belongs into this process: it is plain Node itself, the
 * job is not for webgpu, or there is no such Node (the engine then says so).
 * @param host file of the job host.
 */
export async function plainNodeFor(job: JobSpec, host: string): Promise<string | null> {
  if (process.versions['electron'] === undefined || !(await wantsWebgpu(job))) return null;
  const program = process.env['PAIRLIGHT_NODE'] ?? 'node';
  const [major, minor] = host.endsWith('.ts') ? OLDEST.sources : OLDEST.built;
  try {
    const { stdout } = await promisify(execFile)(program, ['--version'], { env: plainEnvironment(), timeout: 5_000 });
    const [, found = 0, foundMinor = 0] = /^v(\d+)\.(\d+)/.exec(stdout)?.map(Number) ?? [];
    return found > major || (found === major && foundMinor >= minor) ? program : null;
  } catch {
    return null;
  }
}

/** `auto` comes to webgpu where there is a graphics card and no engine pack. */
async function wantsWebgpu(job: JobSpec): Promise<boolean> {
  const asked = choiceOf(job);
  const choice = asked === 'auto' ? (process.env['PAIRLIGHT_ENGINE'] ?? 'auto') : asked;
  if (choice !== 'auto' || job.enginePack !== null) return choice === 'webgpu';
  const found = await findAdapter().catch(() => null);
  return found !== null && (!found.software || process.env[SOFTWARE_ADAPTERS] === '1');
}

/** null: the job computes on no engine. */
function choiceOf(job: JobSpec): EngineChoice | null {
  switch (job.kind) {
    case 'import':
    case 'preview-import':
    case 'probe-model':
    case 'describe-module':
    case 'dataset-task':
    case 'trajectory': // It computes on the wasm engine.
      return null;
    case 'train':
      return job.config.engine;
    case 'evaluate':
    case 'attention':
    case 'check':
      return job.request.engine;
    case 'engine-test':
    case 'predict':
      return job.engine;
  }
}

/**
 * Runs a job in a process of its own under a plain Node.
 * @param onMessage gets everything that process says, but `ready`.
 * @param onExit called once it has ended, with its exit status, or the signal that ended it, or neither if it never ran.
 */
export function runInPlainNode(
  program: string,
  host: string,
  job: JobSpec,
  onMessage: (message: HostMessage) => void,
  onExit: (status: number | null, signal: NodeJS.Signals | null) => void,
): NodeProcess {
  const child: ChildProcess = fork(outsideArchive(host), [], {
    execPath: program,
    execArgv: [],
    env: plainEnvironment(),
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let ended = false;
  const end = (status: number | null, signal: NodeJS.Signals | null): void => {
    if (!ended) onExit(status, signal);
    ended = true;
  };
  let waiting: OwnerMessage[] | null = [];
  const send = (message: OwnerMessage): void => {
    if (waiting) waiting.push(message);
    else if (child.connected) child.send(message, () => undefined);
  };
  child.on('message', (message) => {
    const said = message as HostMessage;
    if (said.type !== 'ready') {
      onMessage(said);
      return;
    }
    const wishes = waiting ?? [];
    waiting = null;
    for (const wish of [{ type: 'start', job } as const, ...wishes]) send(wish);
  });
  child.once('exit', end);
  child.once('error', () => end(null, null));
  process.once('exit', () => child.kill('SIGKILL'));
  return { send };
}

function plainEnvironment(): NodeJS.ProcessEnv {
  const { ELECTRON_RUN_AS_NODE: _, ...environment } = process.env;
  return environment;
}

/** Only Electron reads its archive; what the job host needs lies unpacked beside it. */
function outsideArchive(file: string): string {
  return file.replace(`${sep}app.asar${sep}`, `${sep}app.asar.unpacked${sep}`);
}
