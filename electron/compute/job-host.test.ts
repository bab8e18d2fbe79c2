import { fork } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluationRequest } from '../../shared/domain/evaluation.ts';
import { galleryRequest } from '../../shared/domain/gallery.ts';
import { hostMessage, type HostMessage, type JobSpec } from '../../shared/domain/job.ts';
import type { ModelFile } from '../../shared/domain/model.ts';
import { trainConfig } from '../../shared/domain/training.ts';
import { BARS_ID, writeBars } from './fixtures/bars.ts';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'pairlight-host-'));
  await writeBars(join(scratch, 'data'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Runs a job host to its end and gives its messages, all checked against the protocol. */
function talk(
  first: unknown,
  onMessage: (message: HostMessage, send: (message: unknown) => void) => void = () => undefined,
): Promise<{ messages: HostMessage[]; status: number | null; output: string }> {
  const child = fork(resolve(import.meta.dirname, 'job-host.ts'), {
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const messages: HostMessage[] = [];
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.on('message', (raw) => {
    const message = hostMessage.parse(raw);
    messages.push(message);
    if (message.type === 'ready') child.send(first as object);
    onMessage(message, (wish) => child.send(wish as object));
  });
  return new Promise((done) => child.on('exit', (status) => done({ messages, status, output })));
}

const start = (job: JobSpec) => ({ type: 'start', job });
const folder = (name: string): Promise<string> => mkdtemp(join(scratch, `${name}-`));

async function trainJob(values: object = {}, data = 'data'): Promise<JobSpec> {
  return {
    kind: 'train',
    id: 'run-0123456789',
    folder: await folder('run'),
    enginePack: null,
    threads: 1,
    dataset: { folder: join(scratch, data) },
    resume: false,
    config: trainConfig.parse({
      dataset: BARS_ID,
      architecture: 'small-cnn',
      defence: 'natural',
      trainer: { epochs: 2, batchSize: 16 },
      engine: 'wasm',
      ...values,
    }),
  };
}

describe('a job host', () => {
  it('refuses what it does not understand, naming the field, and ends', async () => {
    const { messages, status } = await talk({ type: 'start', job: { kind: 'train', id: 'nonsense' } });
    expect(status).toBe(1);
    expect(messages.at(-1)).toMatchObject({
      type: 'error',
      error: { code: 'invalid-input', message: expect.stringContaining('job.id') as string },
    });
  });

  it.each([
    ['a data set that is not there', {}, 'nowhere', 'not-found', 'nowhere'],
    ['an unknown architecture', { architecture: 'vgg' }, 'data', 'invalid-input', 'small-cnn'],
    ['an unknown defence', { defence: 'vaccine' }, 'data', 'invalid-input', 'at-alp'],
    [
      'a wrong setting of a defence',
      { defence: 'at', defenceSettings: { epsilon: -1 } },
      'data',
      'invalid-input',
      'epsilon',
    ],
    ['an engine without its pack', { engine: 'tensorflow' }, 'data', 'engine-', 'engine'],
  ])('answers %s with an error for a person, and prints no stack', async (_, values, data, code, says) => {
    const { messages, status, output } = await talk(start(await trainJob(values, data)));
    expect(status).toBe(0);
    expect(messages.at(-1)).toMatchObject({
      type: 'error',
      error: { code: expect.stringContaining(code) as string, message: expect.stringContaining(says) as string },
    });
    expect(output).not.toMatch(/^\s+at .*:\d+/m);
  });

  it('can be cancelled before its first step', async () => {
    const { messages } = await talk(start(await trainJob({ defence: 'at-alp' })), (message, send) => {
      if (message.type === 'engine') send({ type: 'cancel' });
    });
    expect(messages.at(-1)).toMatchObject({ type: 'error', error: { code: 'cancelled' } });
  });

  it('carries a story: train two models, attack one from the other, look at both', async () => {
    const jobs = [await trainJob(), await trainJob({ seed: 1 })];
    const models: ModelFile[] = [];
    for (const [position, job] of jobs.entries()) {
      const { messages, status } = await talk(start(job));
      expect(status).toBe(0);
      expect(messages[0]).toEqual({ type: 'ready' });
      expect(messages[1]).toEqual({ type: 'state', state: 'running' });
      expect(messages.find((message) => message.type === 'engine')).toMatchObject({ engine: { name: 'wasm' } });
      expect(messages.filter((message) => message.type === 'point').length).toBeGreaterThan(12);
      expect(messages.at(-1)).toMatchObject({ type: 'done', result: { kind: 'train', result: { steps: 12 } } });
      models.push({
        id: `run-000000000${position}`,
        name: `model ${position}`,
        architecture: 'small-cnn',
        inputShape: [12, 12, 1],
        classes: 2,
        defence: 'natural',
        seed: position,
        weights: join(job.folder, 'weights.npz'),
      });
    }
    const [target, source] = models as [ModelFile, ModelFile];
    const common = { enginePack: null, threads: 1, dataset: { folder: join(scratch, 'data') } };
    const attack = { name: 'pgd', settings: { steps: 5, epsilon: 0.3 } };

    const evaluated = await talk({
      type: 'start',
      job: {
        kind: 'evaluate',
        id: 'evaluation-0123456789',
        folder: await folder('evaluation'),
        ...common,
        request: evaluationRequest.parse({
          dataset: BARS_ID,
          targets: [target.id],
          source: source.id,
          attack,
          examples: { split: 'validation' },
          engine: 'wasm',
        }),
        targets: [target],
        source,
      },
    });
    expect(evaluated.messages.at(-1)).toMatchObject({
      type: 'done',
      result: { kind: 'evaluate', result: { targets: [{ model: target.id, threat: 'gray-box', examples: 24 }] } },
    });

    const looked = await talk({
      type: 'start',
      job: {
        kind: 'attention',
        id: 'gallery-0123456789',
        folder: await folder('gallery'),
        ...common,
        request: galleryRequest.parse({
          dataset: BARS_ID,
          models: [target.id, source.id],
          indices: [97, 98],
          attack,
          engine: 'wasm',
        }),
        models: [target, source],
        source: null,
        reference: source,
      },
    });
    expect(looked.messages.at(-1)).toMatchObject({ type: 'done', result: { kind: 'attention' } });
  });

  it('imports without an engine', async () => {
    const idx = await folder('idx');
    const header = (type: number[], sizes: number[]): Buffer => {
      const bytes = Buffer.alloc(4 + 4 * sizes.length);
      bytes.set(type);
      sizes.forEach((size, at) => bytes.writeUInt32BE(size, 4 + 4 * at));
      return bytes;
    };
    const images = Buffer.from(Array.from({ length: 20 * 36 }, (_, at) => (at * 7) % 256));
    await writeFile(join(idx, 'train-images-idx3-ubyte'), Buffer.concat([header([0, 0, 8, 3], [20, 6, 6]), images]));
    const labels = Buffer.from(Array.from({ length: 20 }, (_, at) => at % 2));
    await writeFile(join(idx, 'train-labels-idx1-ubyte'), Buffer.concat([header([0, 0, 8, 1], [20]), labels]));
    const options = { path: idx, format: 'auto', size: null, validationShare: 0.1, testShare: 0.2, seed: 0 };
    const job = {
      kind: 'import',
      id: 'dataset-aaaaaaaaaa',
      folder: await folder('dataset'),
      scratch: await folder('scratch'),
      enginePack: null,
      threads: 1,
      options,
    };
    const { messages } = await talk({ type: 'start', job });
    expect(messages.at(-1)).toMatchObject({
      type: 'done',
      result: { kind: 'import', manifest: { images: 20, shape: [6, 6, 1] } },
    });
    expect(messages.some((message) => message.type === 'engine')).toBe(false);
  });
});
