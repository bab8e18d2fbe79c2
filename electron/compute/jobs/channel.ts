import type { HostMessage } from '../../../shared/domain/job.ts';
import { ALL_ARRIVED, says } from '../../../shared/domain/job-farewell.ts';

/** The line between a job process and its owner, whichever way the process was started. */
export interface JobChannel {
  send(message: HostMessage): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Called once the owner is gone. */
  onClose(listener: () => void): void;
  /** Resolves when every message sent so far has left this process. */
  drain(): Promise<void>;
}

/** The part of Electron's `process.parentPort` that is used here; compute code does not import Electron. */
interface ParentPort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (event: { readonly data: unknown }) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
}

/** An owner that does not say within this time that everything has arrived will not say so at all. */
const FAREWELL_MS = 5_000;

/** The channel of this process: Electron's utility process, or a child made by `child_process.fork`; null if neither. */
export function ownChannel(): JobChannel | null {
  const port = (process as unknown as { readonly parentPort?: ParentPort | null }).parentPort;
  if (port) return portChannel(port);
  return process.send ? forkChannel() : null;
}

function portChannel(port: ParentPort): JobChannel {
  let arrived = (): void => undefined;
  port.on('message', ({ data }) => {
    if (says(data, ALL_ARRIVED.answer)) arrived();
  });
  return {
    send: (message) => port.postMessage(message),
    onMessage: (listener) =>
      void port.on('message', ({ data }) => {
        if (!says(data, ALL_ARRIVED.answer)) listener(data);
      }),
    onClose: (listener) => void port.on('close', listener),
    drain: () =>
      new Promise((resolve) => {
        arrived = resolve;
        setTimeout(resolve, FAREWELL_MS);
        port.postMessage(ALL_ARRIVED.asks);
      }),
  };
}

function forkChannel(): JobChannel {
  let last: Promise<void> = Promise.resolve();
  return {
    send(message) {
      if (!process.connected) return;
      last = new Promise((resolve) => void process.send?.(message, undefined, undefined, () => resolve()));
    },
    onMessage: (listener) => void process.on('message', listener),
    onClose: (listener) => void process.on('disconnect', listener),
    drain: () => last,
  };
}
