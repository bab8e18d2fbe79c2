/**
 * Last words between a utility process and its owner. What such a process posts right before its end can be lost with
 * it, so it asks at the end whether everything has arrived: messages keep their order.
 */
export const ALL_ARRIVED = { asks: { type: 'all-arrived?' }, answer: { type: 'all-arrived' } } as const;

/** Whether `message` is one of the two. */
export function says(message: unknown, what: { readonly type: string }): boolean {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === what.type;
}
