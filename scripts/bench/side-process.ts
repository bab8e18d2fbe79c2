import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { sideReply, type Measured, type SideReply, type SideTask } from './protocol.ts';

/** What a side's process may print before its end that is told when it fails, in characters. */
const LAST_WORDS = 2_000;

/** One side of a comparison: a process that is kept alive, and computes only when it is told to. */
export class SideProcess {
  readonly task: SideTask;
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #replies: AsyncIterator<string>;
  #lastWords = '';
  #version = '';

  private constructor(command: string, args: readonly string[], task: SideTask) {
    this.task = task;
    const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1', PYTHONDONTWRITEBYTECODE: '1' };
    this.#child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    const killWithOwner = (): void => {
      this.#child.kill('SIGKILL');
    };
    process.on('exit', killWithOwner);
    this.#child.once('exit', () => process.off('exit', killWithOwner));
    this.#child.on('error', (error) => (this.#lastWords = error.message));
    this.#child.stdin?.on('error', () => undefined);
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS);
    });
    if (!this.#child.stdout) throw new Error(`${command} could not be started.`);
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#replies = this.#lines[Symbol.asyncIterator]();
  }

  /** @param python interpreter of a Python side; null for one of Pairlight's engines. */
  static async start(task: SideTask, python: string | null): Promise<SideProcess> {
    const here = import.meta.dirname;
    const side =
      python === null
        ? new SideProcess(process.execPath, [join(here, 'side.ts')], task)
        : new SideProcess(python, [join(here, 'peers', 'side.py')], task);
    try {
      side.#send(task);
      const reply = await side.#next();
      if (reply.type !== 'ready') throw new Error(`It said ${reply.type} before it was ready.`);
      side.#version = reply.version;
      return side;
    } catch (error) {
      await side.end();
      throw error;
    }
  }

  get version(): string {
    return this.#version;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Has it do so many repetitions. Rejects with its own words if it fails. */
  async measure(times: number): Promise<Measured> {
    this.#send({ do: times });
    const reply = await this.#next();
    if (reply.type !== 'measured') throw new Error(`It said ${reply.type} where a measurement was due.`);
    return reply;
  }

  /** Ends the process; resolves when it has gone. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  #send(line: object): void {
    this.#child.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  async #next(): Promise<SideReply> {
    const line = await this.#replies.next();
    if (line.done === true) {
      throw new Error(`${this.task.side} ended without an answer. ${this.#lastWords.trim()}`);
    }
    const reply = sideReply.parse(JSON.parse(line.value));
    if (reply.type === 'failed') throw new Error(`${this.task.side}: ${reply.message}`);
    return reply;
  }
}
