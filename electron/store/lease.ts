import { hostname } from 'node:os';
import type { Database } from './database.ts';

/** A holder that has not given a sign of life for so long has lost the lease, in milliseconds. */
export const LEASE_TIMEOUT_MS = 15_000;

export interface LeaseHolder {
  readonly token: string;
  readonly pid: number;
  readonly host: string;
  /** Milliseconds since 1970. */
  readonly heartbeat: number;
}

/** The right to run the jobs of a library: one process at a time has it. */
export interface LeaseStore {
  holder(): LeaseHolder | undefined;
  /** Takes the lease if it is free, or its holder is dead or silent; true if this token has it now. */
  acquire(token: string): boolean;
  /** Gives a sign of life; false if the lease was lost meanwhile. */
  renew(token: string): boolean;
  release(token: string): void;
}

export function leaseStore(db: Database, now: () => number = Date.now): LeaseStore {
  const holder = (): LeaseHolder | undefined =>
    db.get<LeaseHolder>('SELECT token, pid, host, heartbeat FROM lease WHERE id = 1');
  return {
    holder,
    acquire: (token) =>
      db.transaction(() => {
        const current = holder();
        if (current && current.token !== token && !isStale(current, now())) return false;
        db.run(
          'INSERT OR REPLACE INTO lease (id, token, pid, host, heartbeat) VALUES (1, ?, ?, ?, ?)',
          token,
          process.pid,
          hostname(),
          now(),
        );
        return true;
      }),
    renew: (token) => db.run('UPDATE lease SET heartbeat = ? WHERE id = 1 AND token = ?', now(), token) === 1,
    release: (token) => {
      db.run('DELETE FROM lease WHERE id = 1 AND token = ?', token);
    },
  };
}

function isStale(holder: LeaseHolder, now: number): boolean {
  if (now - holder.heartbeat > LEASE_TIMEOUT_MS) return true;
  return holder.host === hostname() && !isAlive(holder.pid);
}

/** Whether a process of this machine lives; a process of another user counts as living. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
