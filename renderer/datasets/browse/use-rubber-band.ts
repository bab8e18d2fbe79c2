import { ref, type Ref } from 'vue';

type Corner = readonly [x: number, y: number];
type Band = readonly [left: number, top: number, right: number, bottom: number];

const BEGINS_AT = 4;
const EDGE = 28;
const SPEED = 14;

/**
 * A rectangle drawn with the mouse over a scrolled element, in the coordinates of its content. Near its edges the element
 * scrolls by itself.
 * @param moved is called with the rectangle as it grows.
 */
export function useRubberBand(
  scroller: Readonly<Ref<HTMLElement | null>>,
  moved: (from: Corner, to: Corner, event: PointerEvent) => void,
) {
  const band = ref<Band | null>(null);
  let start: Corner | null = null;
  let dragged = false;
  let latest: PointerEvent | null = null;
  let timer = 0;

  function corner(event: PointerEvent): Corner {
    const box = scroller.value?.getBoundingClientRect();
    return [event.clientX - (box?.left ?? 0), event.clientY - (box?.top ?? 0) + (scroller.value?.scrollTop ?? 0)];
  }

  function begin(event: PointerEvent): void {
    const element = scroller.value;
    // The scrollbar takes the pointer too, and is no place to begin.
    if (event.button !== 0 || !element || event.offsetX > element.clientWidth) return;
    start = corner(event);
    dragged = false;
    element.setPointerCapture(event.pointerId);
  }

  function update(event: PointerEvent): void {
    if (!start) return;
    const now = corner(event);
    if (!dragged && Math.hypot(now[0] - start[0], now[1] - start[1]) < BEGINS_AT) return;
    dragged = true;
    const from: Corner = [Math.min(start[0], now[0]), Math.min(start[1], now[1])];
    const to: Corner = [Math.max(start[0], now[0]), Math.max(start[1], now[1])];
    band.value = [...from, ...to];
    moved(from, to, event);
  }

  function move(event: PointerEvent): void {
    latest = event;
    update(event);
    if (dragged && timer === 0) timer = requestAnimationFrame(scroll);
  }

  function scroll(): void {
    timer = 0;
    const element = scroller.value;
    if (!latest || !element || !start) return;
    const box = element.getBoundingClientRect();
    const by =
      latest.clientY < box.top + EDGE ? -SPEED : latest.clientY > box.top + element.clientHeight - EDGE ? SPEED : 0;
    if (by === 0) return;
    element.scrollTop += by;
    update(latest);
    timer = requestAnimationFrame(scroll);
  }

  /** Ends it; true if a rectangle was drawn, so that the press was no click. */
  function end(): boolean {
    const was = dragged;
    start = null;
    latest = null;
    dragged = false;
    band.value = null;
    cancelAnimationFrame(timer);
    timer = 0;
    return was;
  }

  return { band, begin, move, end };
}
