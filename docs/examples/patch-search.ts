import type { AttackOptions, AttackPlan, Inquiry, ModuleFactory } from '../../electron/compute/modules/api.ts';

interface PatchPlan extends AttackPlan {
  readonly queries: number;
  readonly side: number;
}

/** An attack by scores: random patches become brighter or darker by ε where that lowers the label's lead. */
const module: ModuleFactory = ({ z, defineAttack, defineFamily, queries, settings, stream }) => {
  // Written for one image, as if it were alone: it yields images and is given their logits, [count, classes].
  function* search(options: AttackOptions<PatchPlan>, row: number, restart: number): Inquiry {
    const { examples, plan, seed, targets } = options;
    const [height, width, channels] = examples.shape;
    const size = queries.imageSize(examples.shape);
    const x = examples.images.subarray(row * size, (row + 1) * size);
    const random = stream(seed, 'patch-search', examples.indices[row] ?? 0, restart);
    const aim = (targets ?? examples.labels)[row] ?? 0;
    // How far the label leads; with a target, how far that is behind.
    const leadOf = (logits: Float32Array): number => {
      const lead = (logits[aim] ?? 0) - Math.max(...logits.filter((_, k) => k !== aim));
      return targets ? -lead : lead;
    };

    let image = x.slice();
    let best = Number.POSITIVE_INFINITY;
    let nonFinite = 0;
    for (let asked = 0; asked < plan.queries; asked += 2) {
      const [top, left] = [random.integer(height), random.integer(width)];
      const moved = [plan.epsilon, -plan.epsilon].map((change) => {
        const candidate = image.slice();
        for (let i = top; i < Math.min(height, top + plan.side); i += 1) {
          for (let j = left * channels; j < Math.min(width, left + plan.side) * channels; j += 1) {
            const at = i * width * channels + j;
            candidate[at] = Math.min(1, Math.max(0, (x[at] ?? 0) + change));
          }
        }
        return candidate;
      });
      const images = new Float32Array(2 * size);
      moved.forEach((candidate, at) => images.set(candidate, at * size));
      const logits = yield { images, count: 2 };
      const classes = logits.length / 2;
      for (const [at, candidate] of moved.entries()) {
        const own = logits.subarray(at * classes, (at + 1) * classes);
        const prediction = queries.predictionOf(own, 0, classes);
        if (prediction < 0) nonFinite += 1;
        if (queries.isHit(options, row, prediction)) {
          return { image: candidate, iteration: asked + at, lastWrong: true, nonFinite };
        }
        if (prediction >= 0 && leadOf(own) < best) [image, best] = [candidate, leadOf(own)];
      }
    }
    return { image, iteration: -1, lastWrong: false, nonFinite };
  }

  const family = defineFamily<PatchPlan>({
    name: 'patch-search',
    unit: 'queries',
    minimal: false,
    targeted: true,
    access: () => 'scores',
    work: (plan) => plan.queries,
    stopsAtSuccess: () => true,
    isAtLeast: (more, less) => more.queries >= less.queries && more.side === less.side,
    create: (steps, subject, options) =>
      queries.method(steps, subject, options, options.plan.queries, (row, restart) => search(options, row, restart)),
  });

  const patchSearch = defineAttack({
    name: 'patch-search',
    label: 'Patch search',
    summary: 'Random patches become brighter or darker by ε where that lowers the lead of the label. No gradients.',
    source: 'after Guo et al. 2019, arXiv 1905.07121, algorithm 1, with patches in place of pixels',
    help: 'A simple search by scores, for models whose gradients cannot be had or trusted. Square is stronger.',
    schema: z.strictObject({
      epsilon: settings.epsilonLinf,
      queries: z.int().min(2).max(1_000_000).multipleOf(2, 'must be even').default(1000).meta({ label: 'Queries' }),
      side: z.int().min(1).max(1000).default(4).meta({ label: 'Side of a patch', unit: 'pixels' }),
      restarts: settings.restarts,
    }),
    plan: ({ epsilon, queries: budget, side, restarts }): PatchPlan => ({
      family,
      norm: 'linf',
      epsilon,
      queries: budget,
      side,
      restarts,
    }),
    describe: (plan) => `Patch search, ${plan.queries} queries${plan.restarts > 1 ? ` × ${plan.restarts}` : ''}`,
    weakness: () => 'A simple search: attacks with gradients, and Square, usually break more.',
  });

  return { attacks: [patchSearch] };
};

export default module;
