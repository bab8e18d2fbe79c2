import { tensorUrl } from '../../../shared/contract/bridge.ts';
import type { ImageShape } from '../../../shared/domain/shape.ts';
import { paintImage } from '../../ui/painters.ts';
import { fetchTensor, rowOf } from '../../ui/tensors.ts';

const BLOCK_BYTES = 600_000;
const KEPT_BYTES = 96_000_000;
const MAX_PARALLEL = 3;
/** Sides in pixels to which larger images are brought once, so that drawing them costs no more than they show. */
const LEVELS = [32, 64, 128, 256, 512, 1024];

/** Images of a block, so that one request stays small whatever the image size. */
export function blockLength(shape: ImageShape): number {
  const bytes = shape[0] * shape[1] * shape[2];
  return Math.max(4, Math.min(256, Math.floor(BLOCK_BYTES / bytes)));
}

/** Blocks that are needed for the images `first`…`last` (both included), nearest to their middle first. */
export function neededBlocks(first: number, last: number, length: number): readonly number[] {
  const from = Math.floor(first / length);
  const to = Math.floor(last / length);
  const middle = (from + to) / 2;
  return Array.from({ length: to - from + 1 }, (_, i) => from + i).sort(
    (a, b) => Math.abs(a - middle) - Math.abs(b - middle),
  );
}

/** Width and height at which an image is kept for squares of `side` device pixels: its own, or a level that covers them. */
export function keptSize([height, width]: ImageShape, side: number): readonly [width: number, height: number] {
  const longer = Math.max(width, height);
  const level = LEVELS.find((candidate) => candidate >= side) ?? longer;
  const scale = Math.min(1, level / longer);
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

interface Block {
  readonly surface: OffscreenCanvas;
  used: number;
}

/** Where image `slot` lies in its block's picture, in pixels. */
export interface Tile {
  readonly surface: OffscreenCanvas;
  readonly x: number;
  readonly y: number;
}

/**
 * Pictures of the images at `positions`, fetched in blocks as they come into sight and dropped when others need the room.
 * `onReady` is called when a block has arrived, `onError` when one could not be had.
 */
export class ThumbnailSource {
  private readonly blocks = new Map<number, Block>();
  private readonly pending = new Map<number, AbortController>();
  private readonly failed = new Set<number>();
  private wanted: readonly number[] = [];
  private clock = 0;
  readonly length: number;
  private readonly across: number;

  /** @param kept width and height of a tile, see `keptSize`. */
  constructor(
    private readonly dataset: string,
    private readonly shape: ImageShape,
    private readonly positions: Uint32Array,
    readonly kept: readonly [width: number, height: number],
    private readonly onReady: () => void,
    private readonly onError: (thrown: unknown) => void,
  ) {
    this.length = blockLength(shape);
    this.across = Math.ceil(Math.sqrt(this.length));
  }

  /** The picture of the image at place `slot` of `positions`, if it is here already. */
  tile(slot: number): Tile | null {
    const block = this.blocks.get(Math.floor(slot / this.length));
    if (!block) return null;
    block.used = ++this.clock;
    const within = slot % this.length;
    return {
      surface: block.surface,
      x: (within % this.across) * this.kept[0],
      y: Math.floor(within / this.across) * this.kept[1],
    };
  }

  /** Says which images are in sight; blocks that were asked for and are not any more are given up. */
  want(first: number, last: number): void {
    this.wanted = neededBlocks(first, last, this.length);
    for (const [index, controller] of this.pending) if (!this.wanted.includes(index)) controller.abort();
    this.pump();
  }

  retry(): void {
    this.failed.clear();
    this.pump();
  }

  dispose(): void {
    this.wanted = [];
    for (const controller of this.pending.values()) controller.abort();
    this.blocks.clear();
  }

  private pump(): void {
    for (const index of this.wanted) {
      if (this.pending.size >= MAX_PARALLEL) return;
      if (!this.blocks.has(index) && !this.pending.has(index) && !this.failed.has(index)) void this.load(index);
    }
  }

  private async load(index: number): Promise<void> {
    const controller = new AbortController();
    this.pending.set(index, controller);
    try {
      const rows = Array.from(this.positions.subarray(index * this.length, (index + 1) * this.length));
      const tensor = await fetchTensor(tensorUrl('dataset', this.dataset, 'images', rows), controller.signal);
      this.makeRoom();
      this.blocks.set(index, {
        surface: this.draw(tensor.shape[0] ?? 0, (row) => rowOf(tensor, row)),
        used: ++this.clock,
      });
      this.onReady();
    } catch (thrown) {
      if (!controller.signal.aborted) {
        this.failed.add(index);
        this.onError(thrown);
      }
    } finally {
      this.pending.delete(index);
      this.pump();
    }
  }

  private draw(count: number, pixels: (row: number) => Float32Array | Uint8Array | Uint16Array): OffscreenCanvas {
    const [height, width, channels] = this.shape;
    const [keptWidth, keptHeight] = this.kept;
    const surface = new OffscreenCanvas(this.across * keptWidth, Math.ceil(this.length / this.across) * keptHeight);
    const context = surface.getContext('2d');
    const image = new ImageData(width, height);
    const whole = keptWidth === width ? null : new OffscreenCanvas(width, height);
    if (context) context.imageSmoothingQuality = 'medium';
    for (let row = 0; row < count; row++) {
      paintImage(pixels(row), channels, image.data);
      const x = (row % this.across) * keptWidth;
      const y = Math.floor(row / this.across) * keptHeight;
      if (whole) {
        whole.getContext('2d')?.putImageData(image, 0, 0);
        context?.drawImage(whole, x, y, keptWidth, keptHeight);
      } else context?.putImageData(image, x, y);
    }
    return surface;
  }

  private makeRoom(): void {
    const room = Math.max(
      this.wanted.length + 2,
      Math.floor(KEPT_BYTES / (4 * this.length * this.kept[0] * this.kept[1])),
    );
    const oldest = [...this.blocks].sort(([, a], [, b]) => a.used - b.used);
    for (const [index] of oldest.slice(0, Math.max(0, this.blocks.size - room + 1))) this.blocks.delete(index);
  }
}
