import { AppError } from '../../../shared/domain/errors.ts';

/** A graphics adapter that Dawn has found. */
export interface FoundAdapter {
  readonly adapter: GPUAdapter;
  /** `NVIDIA H200 (nvidia hopper)` */
  readonly name: string;
  /** Computed by the processor: right, but hundreds of times slower than the other engines. */
  readonly software: boolean;
}

/** Set to 1, this environment variable admits adapters that compute on the processor: for tests of correctness. */
export const SOFTWARE_ADAPTERS = 'PAIRLIGHT_SOFTWARE_GPU';

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|\bwarp\b|software/i;

let opened: Promise<GPU> | null = null;

/** Dawn, set up as a browser would offer it: `navigator.gpu` and the interfaces that tfjs's backend looks for. */
function openDawn(): Promise<GPU> {
  opened ??= import('webgpu').then(({ create, globals }) => {
    Object.assign(globalThis, globals);
    // Node has a navigator from version 21 on.
    const holder: { navigator?: object } = globalThis;
    if (!holder.navigator) Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });
    watchTicks();
    const gpu = create([]);
    Object.defineProperty(holder.navigator, 'gpu', { value: gpu, configurable: true });
    return gpu;
  });
  return opened;
}

/**
 * The fastest adapter that Vulkan, Metal or Direct3D offers, or null if there is none.
 * @throws AppError `engine-unavailable` where Dawn has no binary for this machine.
 */
export async function findAdapter(): Promise<FoundAdapter | null> {
  let adapter: GPUAdapter | null;
  try {
    const gpu = await openDawn();
    adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AppError('engine-unavailable', `The webgpu engine does not load on this machine: ${reason}.`, { cause });
  }
  if (!adapter) return null;
  const { vendor, architecture, device, description } = adapter.info;
  const title = description || device || vendor;
  const family = [vendor, architecture].filter((word) => word && !title.toLowerCase().includes(word)).join(' ');
  return {
    adapter,
    name: family ? `${title} (${family})` : title,
    software: adapter.info.isFallbackAdapter || SOFTWARE.test(`${title} ${architecture} ${device}`),
  };
}

/** Memory that an adapter's device may use at once, and the work groups of its kernels: all that the adapter has. */
const LIMITS = [
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
] as const;

/** Opens the adapter's device. It can be opened once. */
export function openDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
  return adapter.requestDevice({ requiredLimits });
}

interface Tick {
  readonly run: () => void;
  readonly handle: NodeJS.Immediate;
}

let tick: Tick | null = null;

/**
 * Lets {@link waitForMapping} find the function by which Dawn sees to finished work. Dawn queues it with the global
 * `setImmediate`, and again from within it as long as something is under way.
 */
function watchTicks(): void {
  const queue = globalThis.setImmediate;
  const watched = (run: (...args: unknown[]) => void, ...args: unknown[]): NodeJS.Immediate => {
    const handle = queue(run, ...args);
    if (args.length === 0 && isNative(run)) tick = { run, handle };
    return handle;
  };
  globalThis.setImmediate = Object.assign(watched, { __promisify__: queue.__promisify__ }) as typeof setImmediate;
}

/** Functions that an addon made have a prototype of their own; those of the language, such as `resolve`, have none. */
function isNative(run: object): boolean {
  return Object.hasOwn(run, 'prototype') && /\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(run));
}

/** Turns without sleep, then sleeps of this many milliseconds between turns. */
const BUSY_TURNS = 200;
const SLEEP_MS = 0.2;

/**
 * Waits without giving the event loop a turn until a buffer whose mapping has been asked for is mapped, or is known not
 * to be: its `mapState` tells.
 */
export function waitForMapping(buffer: GPUBuffer): void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (let turn = 0; buffer.mapState === 'pending'; turn += 1) {
    const due = tick;
    if (due === null) throw new AppError('internal', 'Dawn has work under way, but no function that sees to it.');
    tick = null;
    clearImmediate(due.handle);
    due.run();
    if (turn > BUSY_TURNS) Atomics.wait(sleeper, 0, 0, SLEEP_MS);
  }
}
