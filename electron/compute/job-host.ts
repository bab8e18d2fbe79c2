/**
 * Entry of a job process: one process, one job. Started by Electron's `utilityProcess.fork` or by
 * `child_process.fork`; speaks the messages of shared/domain/job.ts. It says `ready`, waits for `start`, and ends
 * after its last message, `done` or `error`. When its owner goes away it ends at once.
 */
import { Worker } from 'node:worker_threads';
import { AppError } from '../../shared/domain/errors.ts';
import {
  OVER_MEMORY,
  hostMessage,
  ownerMessage,
  type HostMessage,
  type JobSpec,
  type OwnerMessage,
} from '../../shared/domain/job.ts';
import { describeIssues } from '../../shared/domain/settings.ts';
import { jobFailure } from './engines/failure.ts';
import { setPackFault } from './engines/state.ts';
import { ownChannel, type JobChannel } from './jobs/channel.ts';
import { createCollector } from './jobs/collect.ts';
import { createControl } from './jobs/control.ts';
import { plainNodeFor, runInPlainNode, type NodeProcess } from './jobs/plain-node.ts';
import { runJob } from './jobs/registry.ts';

const ORPHAN_CHECK_MS = 1_000;
const MEMORY_CHECK_MS = 200;

function host(channel: JobChannel): void {
  const send = (message: HostMessage): void => channel.send(message);
  const control = createControl(send, undefined, createCollector());
  let started = false;
  let elsewhere: NodeProcess | null = null;
  const wishes: OwnerMessage[] = [];

  async function end(last: HostMessage, status: number): Promise<void> {
    send(last);
    await channel.drain();
    process.exit(status);
  }

  const crash = (thrown: unknown): void => void end({ type: 'error', error: jobFailure(thrown).toData() }, 1);

  async function start(job: JobSpec): Promise<void> {
    const node = await plainNodeFor(job, import.meta.filename);
    if (node !== null) {
      elsewhere = runInPlainNode(node, import.meta.filename, job, send, (status, signal) => {
        // This process ends as that one did, so that its owner learns how.
        void channel.drain().then(() => (signal ? process.kill(process.pid, signal) : process.exit(status ?? 1)));
      });
      wishes.forEach((wish) => elsewhere?.send(wish));
      return;
    }
    if (job.maxMemory) endAboveMemory(job.maxMemory);
    setPackFault(job.enginePackFault ?? null);
    send({ type: 'state', state: 'running' });
    try {
      const result = await runJob(job, control.context);
      await end(hostMessage.parse({ type: 'done', result }), 0);
    } catch (thrown) {
      await end({ type: 'error', error: jobFailure(thrown).toData() }, 0);
    }
  }

  // Ctrl+C and a closing terminal reach every process of a group: what becomes of the job is its owner's decision.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  endWithOwner(channel);

  channel.onMessage((raw) => {
    const parsed = ownerMessage.safeParse(raw);
    if (!parsed.success) {
      const message = `A job process got a message that it does not understand: ${describeIssues(parsed.error)}.`;
      if (!started) void end({ type: 'error', error: new AppError('invalid-input', message).toData() }, 1);
      return;
    }
    if (parsed.data.type !== 'start') {
      control.receive(parsed.data.type);
      if (elsewhere) elsewhere.send(parsed.data);
      else wishes.push(parsed.data);
    } else if (!started) {
      started = true;
      void start(parsed.data.job);
    }
  });
  send({ type: 'ready' });
}

/**
 * Ends this process as soon as its owner has closed the channel, or has died without closing it. The second is watched
 * from a thread of its own: a step that takes long or hangs does not keep the process alive.
 */
function endWithOwner(channel: JobChannel): void {
  channel.onClose(() => process.exit(1));
  const watch = `setInterval(() => {
    if (process.ppid !== ${process.ppid}) process.kill(process.pid, 'SIGKILL');
  }, ${ORPHAN_CHECK_MS});`;
  new Worker(watch, { eval: true }).unref();
}

/**
 * Ends this process as soon as its resident memory passes `limit` bytes, measured in a thread of its own because a step
 * keeps the main one busy. Only standard error is sure to carry the reason out.
 */
function endAboveMemory(limit: number): void {
  const watch = `setInterval(() => {
    const used = process.memoryUsage.rss();
    if (used <= ${limit}) return;
    require('node:fs').writeSync(2, '\\n${OVER_MEMORY}' + JSON.stringify({ used, limit: ${limit} }) + '\\n');
    process.kill(process.pid, 'SIGKILL');
  }, ${MEMORY_CHECK_MS});`;
  new Worker(watch, { eval: true }).unref();
}

const channel = ownChannel();
if (channel) host(channel);
else {
  console.error('This file runs one job for the Pairlight application or its command line; it is not started by hand.');
  process.exit(2);
}
