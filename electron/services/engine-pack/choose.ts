import { existsSync } from 'node:fs';
import type { EnginePackState } from '../../../shared/domain/engine.ts';
import { RECIPES, locateEnginePack } from './state.ts';

/** What NVIDIA's driver shows of itself: on Linux, and below Windows' subsystem for it. */
const DRIVER = ['/proc/driver/nvidia/version', '/dev/nvidiactl', '/dev/dxg'];

/** Both packs, each as {@link locateEnginePack} finds it. */
export async function locateEnginePacks(
  engines?: string,
): Promise<readonly [cpu: EnginePackState, cuda: EnginePackState]> {
  const place = engines === undefined ? {} : { engines };
  return Promise.all([
    locateEnginePack({ ...place, recipe: RECIPES.cpu }),
    locateEnginePack({ ...place, recipe: RECIPES.cuda }),
  ]);
}

/**
 * The pack that the tensorflow engine takes: the one with CUDA where it is installed and this machine has NVIDIA's
 * driver, else the one for the CPU, which is a quarter of its size in memory; the one with CUDA computes on the CPU
 * where it is the only one. If neither is installed: the missing or broken one for the CPU.
 */
export function packToUse(
  [cpu, cuda]: readonly [cpu: EnginePackState, cuda: EnginePackState],
  hasDriver: () => boolean = () => DRIVER.some((file) => existsSync(file)),
): EnginePackState {
  if (cuda.installed && (!cpu.installed || hasDriver())) return cuda;
  return cpu;
}
