import { z } from 'zod';

/** A minimal attack may come out this many times as far as the best peer. */
const NEAR = 1.02;

/** What one tool did in one case, by seed; the table shows the median of seeds. */
const runResult = z.object({
  seed: z.number(),
  /** Of each image: rightly classified, and withstood. */
  left: z.array(z.boolean()),
  /** Of each image that was rightly classified: size of its x', null if there is none. */
  distances: z.array(z.number().nullable()),
  /** Forward passes of an image, if they were counted. */
  queries: z.number().nullable(),
  cpuSeconds: z.number(),
});

export const peerLine = runResult.extend({ case: z.string(), tool: z.string(), version: z.string() });

export const attackLine = runResult.extend({
  case: z.string(),
  label: z.string(),
  minimal: z.boolean(),
  norm: z.string(),
  violations: z.literal(0),
});

const toolResult = z.object({ tool: z.string(), version: z.string(), runs: z.array(runResult).min(1) });
export type ToolResult = z.infer<typeof toolResult>;

/** What an independent look at every returned image found, see `recheck.ts`. */
const recheckResult = z.object({
  images: z.number(),
  outOfRange: z.number(),
  outOfBall: z.number(),
  wrongDistance: z.number(),
  notFooled: z.number(),
});
export type RecheckResult = z.infer<typeof recheckResult>;

export const recheckLine = recheckResult.extend({ case: z.string() });

const caseResult = z.object({
  name: z.string(),
  label: z.string(),
  fixture: z.string(),
  examples: z.number(),
  /** Whether it looks for the smallest perturbation. */
  minimal: z.boolean(),
  norm: z.string(),
  bar: z.enum(['same', 'accuracy', 'distance', 'none']),
  own: toolResult,
  peers: z.array(toolResult),
  /** By a second engine; null if there is none. */
  recheck: recheckResult.nullable(),
});
export type CaseResult = z.infer<typeof caseResult>;

export const validationReport = z.object({
  format: z.literal(1),
  date: z.string(),
  seconds: z.number(),
  engine: z.string(),
  /** The engine that looked at every image again; null if there was none. */
  second: z.string().nullable(),
  results: z.array(caseResult),
});
export type ValidationReport = z.infer<typeof validationReport>;

/** Images left standing: the median over seeds. */
export function leftOf({ runs }: ToolResult): number {
  return median(runs.map(({ left }) => left.filter(Boolean).length)) ?? 0;
}

/** Median size of x' over the images that any tool of the case broke or left standing; null if most have none. */
export function medianDistance({ runs }: ToolResult, counted: readonly boolean[]): number | null {
  const medians = runs.map(({ distances }) => {
    const sizes = distances.filter((_, at) => counted[at]).map((distance) => distance ?? Number.POSITIVE_INFINITY);
    return median(sizes) ?? Number.POSITIVE_INFINITY;
  });
  const value = median(medians);
  return value === null || !Number.isFinite(value) ? null : value;
}

/** The images that are rightly classified without an attack: those that some tool left standing or found an x' for. */
export function countedImages({ own, peers }: Pick<CaseResult, 'own' | 'peers'>): readonly boolean[] {
  const runs = [own, ...peers].flatMap((tool) => tool.runs);
  const images = own.runs[0]?.left.length ?? 0;
  return Array.from({ length: images }, (_, at) => runs.some((run) => run.left[at] || run.distances[at] != null));
}

/** Share of the images on which the first seeds of two tools come to the same verdict. */
export function agreement(a: ToolResult, b: ToolResult): number {
  const [one, other] = [a.runs[0]?.left ?? [], b.runs[0]?.left ?? []];
  return one.filter((left, at) => left === other[at]).length / Math.max(1, one.length);
}

/** Share of the images that both have an x' for on which the one's is at most {@link NEAR} times as far as the other's. */
export function asNear(one: ToolResult, other: ToolResult): number {
  const [own, theirs] = [one.runs[0]?.distances ?? [], other.runs[0]?.distances ?? []];
  const ratios = own.flatMap((distance, at) => {
    const peer = theirs[at] ?? null;
    return distance === null || peer === null ? [] : [distance / peer];
  });
  return ratios.filter((ratio) => ratio <= NEAR).length / Math.max(1, ratios.length);
}

/** Whether a case meets its bar; null where it has none. */
export function isMet(result: CaseResult): boolean | null {
  const { bar, own, peers, examples } = result;
  if (bar === 'none' || peers.length === 0) return null;
  if (bar === 'same') return peers.every((peer) => agreement(own, peer) === 1);
  if (bar === 'accuracy') return leftOf(own) <= Math.min(...peers.map(leftOf)) + (examples > 128 ? 2 : 1);
  const counted = countedImages(result);
  const best = Math.min(...peers.map((peer) => medianDistance(peer, counted) ?? Number.POSITIVE_INFINITY));
  return (medianDistance(own, counted) ?? Number.POSITIVE_INFINITY) <= NEAR * best;
}

/** The middle value, or the mean of the two; null of none. */
export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.ceil((sorted.length - 1) / 2)]];
  return low === high ? (low ?? null) : ((low ?? 0) + (high ?? 0)) / 2;
}
