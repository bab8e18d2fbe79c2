import { readFile } from 'node:fs/promises';
import { extname, join, resolve, sep } from 'node:path';
import { AppError, type ErrorCode, toAppError } from '../../shared/domain/errors.ts';
import type { TensorData } from '../services/tensors.ts';
import { logUnexpected } from './log.ts';
import { APP_ORIGIN, CONTENT_SECURITY_POLICY } from './policy.ts';

/** Finds the rows behind an address made by `tensorUrl`; refuses unknown ids and names with an AppError. */
export type TensorSource = (address: string) => Promise<TensorData>;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
};

/** The response to one request. */
export async function answer(request: Request, pages: string, tensors: TensorSource): Promise<Response> {
  try {
    if (request.method !== 'GET') throw new AppError('forbidden', `${request.method} is not answered here.`);
    const url = new URL(request.url);
    if (url.host === 'app') return await page(decodeURIComponent(url.pathname), pages);
    if (url.host === 'tensor') return tensor(await tensors(request.url));
    throw new AppError('not-found', `There is nothing at ${url.host}.`);
  } catch (thrown) {
    const error = toAppError(thrown);
    if (error.code === 'internal') logUnexpected(request.url, thrown);
    return Response.json(error.toData(), { status: statusOf(error.code), headers: SHARED_HEADERS });
  }
}

const SHARED_HEADERS = {
  'x-content-type-options': 'nosniff',
  'access-control-allow-origin': APP_ORIGIN,
  'access-control-expose-headers': 'x-dtype, x-shape',
} as const;

async function page(path: string, pages: string): Promise<Response> {
  const root = resolve(pages);
  const file = resolve(join(root, path === '/' ? 'index.html' : path));
  const type = TYPES[extname(file)];
  if (!file.startsWith(root + sep) || type === undefined) throw new AppError('not-found', `There is no page ${path}.`);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new AppError('not-found', `There is no page ${path}.`, { cause });
  });
  return new Response(new Uint8Array(bytes), {
    headers: {
      ...SHARED_HEADERS,
      'content-type': type,
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'cross-origin-opener-policy': 'same-origin',
    },
  });
}

function tensor({ bytes, dtype, shape }: TensorData): Response {
  return new Response(bytes, {
    headers: {
      ...SHARED_HEADERS,
      'content-type': 'application/octet-stream',
      'cache-control': 'no-store',
      'x-dtype': dtype,
      'x-shape': shape.join(','),
    },
  });
}

function statusOf(code: ErrorCode): number {
  switch (code) {
    case 'not-found':
      return 404;
    case 'forbidden':
      return 403;
    case 'invalid-input':
      return 400;
    default:
      return 500;
  }
}
