import { findAdapter, SOFTWARE_ADAPTERS } from './dawn.ts';
import { webgpuObstacle } from './webgpu.ts';

/** For tests: why there is no adapter that the webgpu engine would take here; null if there is one. */
export async function missingAdapter(): Promise<string | null> {
  const obstacle = webgpuObstacle();
  if (obstacle !== null) return obstacle;
  const found = await findAdapter().catch(() => null);
  if (!found) return 'there is no graphics adapter on this machine';
  if (!found.software || process.env[SOFTWARE_ADAPTERS] === '1') return null;
  return `${found.name} computes on the processor, and ${SOFTWARE_ADAPTERS} is not 1`;
}
