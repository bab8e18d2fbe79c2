import { afterAll, beforeAll } from 'vitest';
import { loadEngine } from '../engines/load.ts';
import { loadFixture } from '../fixtures/peers.ts';
import type { PeerFixture } from '../fixtures/peers.ts';
import type { Examples } from './base/examples.ts';
import type { AttackOptions } from './options.ts';
import type { AttackPlan } from './plan.ts';

/** The peers' small networks, there while the tests of a file run. */
export interface SmallPeers {
  readonly nat: PeerFixture;
  readonly adv: PeerFixture;
}

/** Loads wasm and the peers' small networks before a file's tests, and disposes of them afterwards. */
export function useSmallPeers(): SmallPeers {
  const loaded: { -readonly [Name in keyof SmallPeers]?: PeerFixture } = {};
  const need = (found: PeerFixture | undefined): PeerFixture => {
    if (!found) throw new Error('The peers are loaded before the first test.');
    return found;
  };
  beforeAll(async () => {
    await loadEngine('wasm', { enginePack: null, deterministic: true });
    loaded.nat = await loadFixture('small-nat');
    loaded.adv = await loadFixture('small-adv');
  });
  afterAll(() => {
    loaded.nat?.dispose();
    loaded.adv?.dispose();
  });
  return {
    get nat() {
      return need(loaded.nat);
    },
    get adv() {
      return need(loaded.adv);
    },
  };
}

/** An attack on rightly classified images in batches of 64, with seed 7. */
export function attackOptions<P extends AttackPlan>(
  examples: Examples,
  plan: P,
  change: Partial<Omit<AttackOptions, 'examples' | 'plan'>> = {},
): AttackOptions<P> {
  return {
    seed: 7,
    batchSize: 64,
    includeMisclassified: false,
    control: { checkpoint: () => Promise.resolve() },
    ...change,
    examples,
    plan,
  };
}
