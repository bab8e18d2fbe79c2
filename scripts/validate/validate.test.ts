import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ATTACKS, resolveAttack } from '../../electron/compute/attacks/registry.ts';
import { usablePack } from '../../electron/services/engines.ts';
import { CASES } from './cases.ts';
import { sectionsOf } from './docs.ts';
import { agreement, asNear, attackLine, isMet, leftOf, median, medianDistance, recheckLine } from './results.ts';
import type { CaseResult, ToolResult } from './results.ts';

const tool = (left: readonly boolean[], distances: readonly (number | null)[] = left.map(() => null)): ToolResult => ({
  tool: 'x',
  version: '1',
  runs: [{ seed: 0, left: [...left], distances: [...distances], queries: null, cpuSeconds: 1 }],
});
const result = (bar: CaseResult['bar'], own: ToolResult, peers: readonly ToolResult[]): CaseResult => ({
  name: 'a',
  label: 'A, ε 1',
  fixture: 'small-nat',
  examples: own.runs[0]!.left.length,
  minimal: bar === 'distance',
  norm: 'l2',
  bar,
  own,
  peers: [...peers],
  recheck: null,
});

describe('the cases', () => {
  it('cover every attack of the registry, each with settings that are valid', () => {
    expect([...new Set(CASES.map(({ attack }) => attack.name))].toSorted()).toEqual(
      ATTACKS.map(({ name }) => name).toSorted(),
    );
    for (const { attack, examples, bar } of CASES) {
      const { plan } = resolveAttack(attack);
      expect(bar !== 'distance' || plan.family.minimal, attack.name).toBe(true);
      expect(examples).toBeLessThanOrEqual(256);
    }
    expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
  });
});

describe('the bars', () => {
  const yes = true;
  const no = false;

  it('attacks without randomness agree on every image', () => {
    expect(isMet(result('same', tool([yes, no, yes]), [tool([yes, no, yes])]))).toBe(true);
    expect(isMet(result('same', tool([yes, no, no]), [tool([yes, no, yes])]))).toBe(false);
    expect(agreement(tool([yes, no, no]), tool([yes, no, yes]))).toBeCloseTo(2 / 3);
  });

  it('random attacks leave at most one image more than the best peer', () => {
    const peers = [tool([yes, yes, yes]), tool([no, no, yes])];
    expect(isMet(result('accuracy', tool([yes, no, yes]), peers))).toBe(true);
    expect(isMet(result('accuracy', tool([yes, yes, yes]), peers))).toBe(false);
    expect(leftOf(tool([yes, yes, no]))).toBe(2);
  });

  it('minimal attacks come out at most 1.02 times as far, images without an x′ being infinitely far', () => {
    const peer = tool([no, no, no], [1, 2, 3]);
    expect(isMet(result('distance', tool([no, no, no], [1, 2.03, 3]), [peer]))).toBe(true);
    expect(isMet(result('distance', tool([no, no, no], [1, 2.05, 3]), [peer]))).toBe(false);
    expect(isMet(result('distance', tool([no, no, no], [1, null, null]), [peer]))).toBe(false);
    expect(medianDistance(tool([no, no, no], [1, null, null]), [yes, yes, yes])).toBeNull();
    expect(asNear(tool([no, no], [1, 2.1]), tool([no, no], [1, 2]))).toBe(0.5);
  });

  it('without a peer there is none', () => {
    expect(isMet(result('accuracy', tool([yes]), []))).toBeNull();
    expect(isMet(result('none', tool([yes]), [tool([no])]))).toBeNull();
  });

  it('a median is the middle one, or the mean of two', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, null]);
  });
});

describe('the document', () => {
  it('has a row for each tool, and says where a bar is missed', () => {
    const missed = result('accuracy', tool([true, true, true]), [tool([false, false, true])]);
    const { peers, recheck } = sectionsOf({
      format: 1,
      date: '2026-01-02T00:00:00Z',
      seconds: 90,
      engine: 'tensorflow',
      second: 'wasm',
      results: [{ ...missed, recheck: { images: 3, outOfRange: 0, outOfBall: 1, wrongDistance: 0, notFooled: 2 } }],
    });
    expect(peers!.split('\n')).toHaveLength(4);
    expect(peers).toMatch(/A, ε 1 .*100\.0 %.*\*\*no\*\*/);
    expect(recheck).toMatch(/\| 3 \| 0 \| 1 \| 0 \| 2 \|/);
  });
});

/** JSON lines of one of this folder's programs. */
function side(program: string, order: object): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const file = join(import.meta.dirname, program);
    const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
    const child = execFile(process.execPath, [file], { env, timeout: 100_000 }, (error, output) => {
      if (error) reject(new Error(`${program} failed: ${error.message}`));
      else
        resolve(
          output
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line) as unknown),
        );
    });
    child.stdin?.end(JSON.stringify(order));
  });
}

describe('a run', () => {
  it('makes images on one engine that another one judges alike', { timeout: 120_000 }, async (ctx) => {
    const enginePack = await usablePack();
    if (enginePack === null) return ctx.skip('No engine pack is installed: there is no second engine.');
    const folder = await mkdtemp(join(tmpdir(), 'pairlight-validate-'));
    try {
      const cases = ['fgm-l2', 'bim'];
      const own = await side('attack-side.ts', { engine: 'wasm', enginePack: null, cases, folder });
      expect(own.map((line) => attackLine.parse(line).case).toSorted()).toEqual(cases.toSorted());
      for (const line of await side('recheck-side.ts', { engine: 'tensorflow', enginePack, cases, folder })) {
        expect(recheckLine.parse(line)).toMatchObject({
          images: 256,
          outOfRange: 0,
          outOfBall: 0,
          wrongDistance: 0,
          notFooled: 0,
        });
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
