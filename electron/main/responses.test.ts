import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../shared/domain/errors.ts';
import { answer, type TensorSource } from './responses.ts';

const folder = mkdtempSync(join(tmpdir(), 'pairlight-pages-'));
const pages = join(folder, 'renderer');
mkdirSync(join(pages, 'assets'), { recursive: true });
writeFileSync(join(pages, 'index.html'), '<title>Pairlight</title>');
writeFileSync(join(pages, 'assets', 'index.js'), 'export {}');
writeFileSync(join(folder, 'secret.html'), 'outside');

const tensors: TensorSource = (address) => {
  if (address.includes('dataset-00000000')) {
    return Promise.resolve({ dtype: 'u8', shape: [2, 1], bytes: new Uint8Array([7, 9]) });
  }
  return Promise.reject(new AppError('not-found', 'There is no such data set.'));
};
const get = (url: string, method = 'GET'): Promise<Response> => answer(new Request(url, { method }), pages, tensors);

describe('pages of the window', () => {
  it('come with their type and a policy that lets in nothing foreign', async () => {
    const response = await get('pairlight://app/assets/index.js');
    expect(response.headers.get('content-type')).toMatch(/^text\/javascript/);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe-eval|http|\*/);
    expect(policy).toMatch(/script-src 'self';/);
  });

  it('start at index.html', async () => {
    expect(await (await get('pairlight://app/')).text()).toContain('Pairlight');
  });

  it.each([
    '/../secret.html',
    '/%2e%2e/secret.html',
    '/assets/..%2f..%2fsecret.html',
    '/%2e%2e%2fsecret.html',
    '/missing.js',
    '/assets',
    '/index.exe',
  ])('are only what was built: %s is not found', async (path) => {
    const response = await get(`pairlight://app${path}`);
    expect(response.status).toBe(404);
    expect(await response.text()).not.toContain('outside');
  });
});

describe('arrays of the library', () => {
  it('are raw bytes with type and shape, for the window alone', async () => {
    const response = await get('pairlight://tensor/dataset/dataset-00000000/images?rows=0,1');
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(new Uint8Array([7, 9]));
    expect(response.headers.get('x-dtype')).toBe('u8');
    expect(response.headers.get('x-shape')).toBe('2,1');
    expect(response.headers.get('access-control-allow-origin')).toBe('pairlight://app');
  });

  it('that are unknown give the error as data', async () => {
    const response = await get('pairlight://tensor/dataset/dataset-11111111/images');
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: 'not-found', message: 'There is no such data set.' });
  });
});

it('nothing is written through the protocol, and no other host answers', async () => {
  expect((await get('pairlight://app/index.html', 'POST')).status).toBe(403);
  expect((await get('pairlight://elsewhere/')).status).toBe(404);
});
