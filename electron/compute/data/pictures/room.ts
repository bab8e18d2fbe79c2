/** Lets work begin only while what is under way fits together; what is larger than all room waits until it is alone. */
export interface Room {
  /** `size` of what `work` needs, in the room's unit. */
  use<T>(size: number, work: () => Promise<T>): Promise<T>;
}

export function createRoom(all: number): Room {
  let taken = 0;
  let waiting: (() => void)[] = [];
  return {
    async use(size, work) {
      while (taken > 0 && taken + size > all) await new Promise<void>((resolve) => waiting.push(resolve));
      taken += size;
      try {
        return await work();
      } finally {
        taken -= size;
        const woken = waiting;
        waiting = [];
        for (const wake of woken) wake();
      }
    },
  };
}
