import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { _electron, type ElectronApplication, expect, type Page } from '@playwright/test';
import type { Bridge, CallReply } from '../shared/contract/bridge.ts';
import type { CallInput, CallName, CallOutput } from '../shared/contract/calls.ts';

declare global {
  interface Window {
    readonly pairlight: Bridge;
  }
}

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The built application with a library of its own. */
export interface RunningApp {
  readonly electron: ElectronApplication;
  readonly page: Page;
  readonly process: ChildProcess;
  /** What the page complained about: errors of scripts and of the content security policy. */
  readonly complaints: readonly string[];
  readonly library: string;
}

export interface LaunchSettings {
  /** Folder that holds the library and the window's state. */
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** Starts the built application as `npm start` does and waits for its window. */
export async function launch({ folder, env = {}, args = [] }: LaunchSettings): Promise<RunningApp> {
  const library = join(folder, 'library');
  const { ELECTRON_RUN_AS_NODE: _plainNode, ...inherited } = process.env;
  const electron = await _electron.launch({
    args: [root, '--library', library, '--user-data', join(folder, 'state'), ...args],
    cwd: folder,
    env: { ...(inherited as Record<string, string>), ...env },
  });
  const page = await electron.firstWindow();
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.text()} ${message.location().url}`);
  });
  await page.getByRole('navigation', { name: 'Views' }).waitFor();
  return { electron, page, process: electron.process(), complaints, library };
}

/** Quits as a user would who answers that running jobs may stop; resolves when the process is gone. */
export async function quit({ electron }: RunningApp): Promise<void> {
  await electron.evaluate(({ dialog }) => {
    dialog.showMessageBox = () => Promise.resolve({ response: 0, checkboxChecked: false });
  });
  await electron.close();
}

/** Ends the application at once, as a crash would, if it is still there; resolves when it is gone. */
export async function kill({ process }: RunningApp): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  const gone = new Promise((resolve) => process.once('exit', resolve));
  process.kill('SIGKILL');
  await gone;
}

/** A call as the window makes it; fails the test with the error's message if it is refused. */
export async function call<N extends CallName>(page: Page, name: N, input: CallInput<N>): Promise<CallOutput<N>> {
  const reply = await tryCall(page, name, input);
  if (!reply.ok) throw new Error(`${name}: ${reply.error.code}: ${reply.error.message}`);
  return reply.value;
}

/** A call that may be refused; `name` and `input` may be anything. */
export async function tryCall<N extends CallName>(page: Page, name: N, input: unknown): Promise<CallReply<N>> {
  const reply: unknown = await page.evaluate(([n, i]) => window.pairlight.call(n, i as never), [name, input] as const);
  return reply as CallReply<N>;
}

/** Answers the next system dialogs for files, which no test can drive, with `path` (null: the user closes them). */
export async function answerFileDialogs({ electron }: RunningApp, path: string | null): Promise<void> {
  await electron.evaluate(({ dialog }, answer) => {
    const canceled = answer === null;
    dialog.showOpenDialog = () => Promise.resolve({ canceled, filePaths: canceled ? [] : [answer] });
    dialog.showSaveDialog = () => Promise.resolve({ canceled, filePath: answer ?? '' });
  }, path);
}

/** Processes of job hosts that belong to this application, by process id. */
export async function jobProcesses({ electron }: RunningApp): Promise<number[]> {
  return electron.evaluate(({ app }) =>
    app
      .getAppMetrics()
      .filter(({ serviceName, name }) => serviceName === 'node.mojom.NodeService' || name === 'Pairlight job')
      .map(({ pid }) => pid),
  );
}

/** True while the process runs; one that has ended and only waits for its parent to notice does not count. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    if (process.platform !== 'linux') return true;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
  } catch {
    return false;
  }
}

/** Waits until none of the processes is left. */
export async function expectGone(pids: readonly number[], timeout = 10_000): Promise<void> {
  await expect.poll(() => pids.filter(isAlive), { timeout }).toEqual([]);
}
