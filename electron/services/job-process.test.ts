import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import type { JobSpec } from '../../shared/domain/job.ts';
import { isAlive } from '../store/lease.ts';
import { JobProcess } from './job-process.ts';
import type { JobEnd, JobNews } from './job-process.ts';
import { forkLauncher } from './launch-fork.ts';

const folder = mkdtempSync(join(tmpdir(), 'pairlight-process-'));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => rmSync(folder, { recursive: true }));

const SPEC: JobSpec = { kind: 'engine-test', id: 'test-1', folder, enginePack: null, threads: 1, engine: 'wasm' };

interface Seen {
  readonly process: JobProcess;
  readonly ends: JobEnd[];
  readonly news: JobNews[];
  readonly ended: Promise<JobEnd>;
}

/** Starts a host that misbehaves in its own way. */
function startHost(body: string): Seen {
  const file = join(folder, `host-${Math.random().toString(36).slice(2)}.mjs`);
  writeFileSync(file, body);
  const ends: JobEnd[] = [];
  const news: JobNews[] = [];
  let tell: (end: JobEnd) => void;
  const ended = new Promise<JobEnd>((resolve) => (tell = resolve));
  const process = new JobProcess(forkLauncher(file), SPEC, {
    onNews: (message) => news.push(message),
    onEnd: (end) => {
      ends.push(end);
      tell(end);
    },
  });
  return { process, ends, news, ended };
}

const ENGINE_RESULT = `{ kind: 'engine-test', report: { name: 'wasm', available: false, device: null, version: null, gflops: null,
  gradientsPerSecond: null, selfTest: 'not run', selfTestError: null, reason: null } }`;

test('says start once the host is ready, hands on its news, and ends with its last message', async () => {
  const { ended, news, process } = startHost(`
    process.on('message', (message) => {
      if (message.type !== 'start' || message.job.id !== 'test-1') process.exit(9);
      process.send({ type: 'progress', progress: { done: 1, total: 2, unit: 'x', rate: null, secondsLeft: null, message: '' } });
      process.send({ type: 'done', result: ${ENGINE_RESULT} }, () => process.exit(0));
    });
    process.send({ type: 'ready' });`);
  expect(await ended).toMatchObject({ type: 'done', result: { kind: 'engine-test' } });
  expect(news).toMatchObject([{ type: 'progress', progress: { done: 1 } }]);
  expect(await process.waitForExit(5_000)).toBe(true);
  expect(process.alive).toBe(false);
});

test('a process that ends without a last message has crashed; its last words are told', async () => {
  const { ended, ends, process } = startHost(`
    process.on('message', () => { console.error('first\\nout of memory at layer 3'); setTimeout(() => process.exit(7), 100); });
    process.send({ type: 'ready' });`);
  expect(await ended).toMatchObject({
    type: 'crashed',
    error: {
      code: 'job-crashed',
      message: "The job's process ended with status 7. Its last words: out of memory at layer 3",
    },
  });
  await process.waitForExit(5_000);
  expect(ends).toHaveLength(1);
});

test('a killed process has crashed', async () => {
  const { ended, process } = startHost(`process.on('message', () => undefined); process.send({ type: 'ready' });`);
  setTimeout(() => process.kill(), 500);
  expect(await ended).toMatchObject({ type: 'crashed', error: { message: "The job's process was killed." } });
});

test.each([
  ['SIGSEGV', /crashed in native code \(SIGSEGV\).*choose another engine/],
  ['SIGABRT', /crashed in native code \(SIGABRT\)/],
  ['SIGKILL', /killed by the system \(SIGKILL\), most likely because memory ran out/],
] as const)('a process ended by %s from outside is told as what it likely was', async (signal, message) => {
  const { ended, process: host } = startHost(`
    process.on('message', () => { console.error('2026-01-01 10:00:00.1: I tensorflow/core.cc:1] chatter'); });
    process.send({ type: 'ready' });`);
  setTimeout(() => process.kill(host.pid ?? 0, signal), 400);
  const end = await ended;
  expect(end).toMatchObject({ type: 'crashed', error: { code: 'job-crashed', retry: true } });
  expect('error' in end && end.error.message).toMatch(message);
  expect('error' in end && end.error.message).not.toMatch(/chatter/);
});

test('a message of a crash is told, whatever was printed around it', async () => {
  const { ended } = startHost(`
    process.on('message', () => {
      console.error('E0000 some library\\n2026-01-01 10:00:00.1: F tensorflow/core.cc:1] Check failed: size == 3');
      console.error('2026-01-01 10:00:00.2: W tensorflow/core.cc:2] chatter after it');
      process.abort();
    });
    process.send({ type: 'ready' });`);
  expect(await ended).toMatchObject({
    type: 'crashed',
    error: { message: expect.stringMatching(/SIGABRT.*Its last words: .*Check failed: size == 3$/s) },
  });
});

test('an error that nobody caught is told by its message, not by its stack', async () => {
  const { ended } = startHost(`
    process.on('message', () => { setTimeout(() => { throw new TypeError('no such layer') }, 1); });
    process.send({ type: 'ready' });`);
  expect(await ended).toMatchObject({
    error: { message: expect.stringMatching(/last words: TypeError: no such layer$/) },
  });
});

test('a process whose JavaScript heap is full has run out of memory', async () => {
  vi.stubEnv('NODE_OPTIONS', '--max-old-space-size=40');
  const { ended } = startHost(`
    process.on('message', () => { const kept = []; for (;;) kept.push({ text: String(kept.length) }); });
    process.send({ type: 'ready' });`);
  expect(await ended).toMatchObject({
    type: 'error',
    error: { code: 'out-of-memory', message: expect.stringMatching(/found no more memory.*smaller batch/) },
  });
});

test.each([
  ['null', 'null'],
  ['of an unknown kind', `{ type: 'surprise' }`],
  ['with a number that is none', `{ type: 'checkpoint', step: NaN, file: 'x' }`],
])('a message %s ends the job and its process', async (_, message) => {
  const { ended, process } = startHost(`
    process.on('message', () => { process.send(${message}); setInterval(() => undefined, 1000); });
    process.send({ type: 'ready' });`);
  expect(await ended).toMatchObject({
    type: 'crashed',
    error: { message: expect.stringContaining('cannot be understood') },
  });
  expect(await process.waitForExit(5_000)).toBe(true);
});

test('a job cancelled before its host is ready never starts', async () => {
  const { ended, process } = startHost(`
    process.on('message', (message) => { if (message.type === 'start') process.exit(9); });
    setTimeout(() => process.send({ type: 'ready' }), 300);`);
  process.cancel();
  expect(await ended).toMatchObject({ type: 'error', error: { code: 'cancelled', message: 'Cancelled.' } });
  expect(await process.waitForExit(5_000)).toBe(true);
});

test('a host that does not react to cancel is killed after 5 s, and counts as cancelled', async () => {
  const { ended, news, process } = startHost(`
    process.on('message', (message) => { if (message.type === 'start') process.send({ type: 'state', state: 'running' }); });
    process.send({ type: 'ready' });`);
  while (news.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const { pid } = process;
  const before = Date.now();
  process.cancel();
  expect(await ended).toMatchObject({ type: 'error', error: { code: 'cancelled' } });
  expect(Date.now() - before).toBeGreaterThanOrEqual(4_900);
  expect(await process.waitForExit(5_000)).toBe(true);
  expect(isAlive(pid ?? 0)).toBe(false);
});

test('a host that hangs after its last message is killed; the result stands', async () => {
  const { ended, process } = startHost(`
    process.on('message', () => {
      process.send({ type: 'done', result: ${ENGINE_RESULT} });
      setInterval(() => undefined, 1000);
    });
    process.send({ type: 'ready' });`);
  expect((await ended).type).toBe('done');
  expect(await process.waitForExit(8_000)).toBe(true);
});

test('a program that cannot be started has crashed', async () => {
  const process = await new Promise<JobEnd>((resolve) => {
    new JobProcess(forkLauncher(join(folder, 'nothing-here.mjs')), SPEC, { onNews: () => undefined, onEnd: resolve });
  });
  expect(process).toMatchObject({ type: 'crashed', error: { code: 'job-crashed' } });
});
