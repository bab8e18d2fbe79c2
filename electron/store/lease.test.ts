import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isAlive, leaseStore, LEASE_TIMEOUT_MS } from './lease.ts';
import { openStore } from './store.ts';
import type { Store } from './store.ts';

let root: string;
let store: Store;
let time: number;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pairlight-lease-'));
  store = openStore(root);
  time = 1_000_000;
});
afterEach(() => {
  store.close();
  rmSync(root, { recursive: true });
});

test('one token has the lease until it lets go', () => {
  const lease = leaseStore(store.database, () => time);
  expect(lease.acquire('a')).toBe(true);
  expect(lease.acquire('a')).toBe(true);
  expect(lease.acquire('b')).toBe(false);
  lease.release('b');
  expect(lease.acquire('b')).toBe(false);
  lease.release('a');
  expect(lease.acquire('b')).toBe(true);
  expect(lease.holder()).toMatchObject({ token: 'b', pid: process.pid });
});

test('a holder that is silent for too long loses it, and learns so at its next sign of life', () => {
  const lease = leaseStore(store.database, () => time);
  lease.acquire('a');
  time += LEASE_TIMEOUT_MS;
  expect(lease.acquire('b')).toBe(false);
  expect(lease.renew('a')).toBe(true);
  time += LEASE_TIMEOUT_MS + 1;
  expect(lease.acquire('b')).toBe(true);
  expect(lease.renew('a')).toBe(false);
});

test('a holder whose process is dead loses it at once', async () => {
  const lease = leaseStore(store.database);
  lease.acquire('a');
  const child = spawn('sleep', ['60']);
  store.database.run('UPDATE lease SET pid = ?', child.pid!);
  expect(isAlive(child.pid!)).toBe(true);
  expect(lease.acquire('b')).toBe(false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(lease.acquire('b')).toBe(true);
});
