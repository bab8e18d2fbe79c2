import type { EngineName, EngineReport } from '../../../shared/domain/engine.ts';
import { toAppError } from '../../../shared/domain/errors.ts';
import type { JobResult, JobSpecOf } from '../../../shared/domain/job.ts';
import { SOFTWARE_ADAPTERS } from '../engines/dawn.ts';
import { loadEngine } from '../engines/load.ts';
import { measureSpeed, selfTest } from '../engines/self-test.ts';
import type { JobContext } from './control.ts';

/**
 * Loads one engine, checks its gradients against the stored reference and measures its speed.
 * Does not throw for an engine that is missing: the report says why.
 */
export async function runEngineTest(job: JobSpecOf<'engine-test'>, context: JobContext): Promise<JobResult> {
  return { kind: 'engine-test', report: await testEngine(job, context) };
}

async function testEngine(job: JobSpecOf<'engine-test'>, context: JobContext): Promise<EngineReport> {
  const asked: EngineName = job.engine === 'auto' ? 'tensorflow' : job.engine;
  let engine;
  try {
    engine = await loadEngine(job.engine, { enginePack: job.enginePack, threads: job.threads, deterministic: false });
  } catch (thrown) {
    return unavailable(asked, toAppError(thrown).message);
  }
  try {
    const { name, device, version } = engine.info;
    context.emit({ type: 'engine', engine: engine.info, note: engine.note });
    await context.checkpoint();
    const checked = selfTest();
    await context.checkpoint();
    // On an adapter that computes on the processor it would take minutes, and nobody computes with one.
    const measured = checked.passed && !(name === 'webgpu' && process.env[SOFTWARE_ADAPTERS] === '1');
    const speed = measured ? await measureSpeed() : { gflops: null, gradientsPerSecond: null };
    return {
      name,
      available: true,
      device,
      version,
      ...speed,
      selfTest: checked.passed ? 'passed' : 'failed',
      selfTestError: Number.isFinite(checked.maxRelativeError) ? checked.maxRelativeError : null,
      reason: checked.passed
        ? engine.note
        : `Its gradients differ from the reference by ${checked.maxRelativeError.toExponential(1)} (relative). Choose another engine.`,
    };
  } finally {
    engine.dispose();
  }
}

function unavailable(name: EngineName, reason: string): EngineReport {
  return {
    name,
    available: false,
    device: null,
    version: null,
    gflops: null,
    gradientsPerSecond: null,
    selfTest: 'not run',
    selfTestError: null,
    reason,
  };
}
