import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { naturalRanks, numberKeys, ordered, wholeKeys } from './order.ts';

const all = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, at) => at);

describe('images in the order of', () => {
  it('numbers: as a stable sort gives it, NaN last in both directions', () => {
    const number = fc.oneof(
      fc.float({ noNaN: true }),
      fc.constantFrom(Number.NaN, 0, 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
    );
    fc.assert(
      fc.property(fc.array(number, { maxLength: 60 }), fc.boolean(), (values, descending) => {
        // −0 lies before 0 by its bits, as it need not by its value.
        const plain = values.map((value) => (value === 0 ? 0 : value));
        const expected = [...all(plain.length)].sort((a, b) => {
          const [one = 0, two = 0] = [plain[a], plain[b]];
          if (Number.isNaN(one) || Number.isNaN(two))
            return Number(Number.isNaN(one)) - Number(Number.isNaN(two)) || a - b;
          return (one < two ? -1 : one > two ? 1 : 0) * (descending ? -1 : 1) || a - b;
        });
        expect([...ordered(all(plain.length), numberKeys(plain, descending))]).toEqual(expected);
      }),
    );
  });

  it('whole numbers up to 2³² − 2, of some of the images', () => {
    const values = [5, 0xff_ff_ff_fe, 0, 5, 0xff_ff_ff_ff, 70_000];
    const some = Uint32Array.from([0, 1, 3, 4, 5]);
    expect([...ordered(some, wholeKeys(values, false))]).toEqual([0, 3, 5, 1, 4]);
    expect([...ordered(some, wholeKeys(values, true))]).toEqual([1, 5, 0, 3, 4]);
  });

  it('names: numbers in them by their value, equal names with one rank, no name last', async () => {
    const names = ['img_10', 'img_9', null, 'img_9', 'a', 'img_09', 'img_100b', 'img_100', ''];
    const ranks = await naturalRanks(names);
    const order = [...ordered(all(names.length), wholeKeys(ranks, false))].map((at) => names[at]);
    expect(order).toEqual(['', 'a', 'img_9', 'img_9', 'img_09', 'img_10', 'img_100', 'img_100b', null]);
    expect(ranks[1]).toBe(ranks[3]);
    const back = [...ordered(all(names.length), wholeKeys(ranks, true))].map((at) => names[at]);
    expect(back.at(-1)).toBe(null);
  });

  it('names: as numeric collation gives it', async () => {
    const text = fc.array(fc.constantFrom('a', 'b', '1', '2', '9'), { maxLength: 6 }).map((signs) => signs.join(''));
    const collator = new Intl.Collator('en', { numeric: true });
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 40 }), async (names) => {
        const ranks = await naturalRanks(names);
        const found = [...ordered(all(names.length), wholeKeys(ranks, false))].map((at) => names[at]);
        expect(found).toEqual([...names].sort(collator.compare));
      }),
    );
  });
});

it('100,000 images are put in order in less time than the window notices', () => {
  const values = Float64Array.from({ length: 100_000 }, (_, at) => (Math.sin(at * 12.9898) * 43_758.5453) % 1);
  ordered(all(1000), numberKeys(values.subarray(0, 1000), false));
  const started = process.cpuUsage();
  const order = ordered(all(100_000), numberKeys(values, true));
  const { user } = process.cpuUsage(started);
  for (let at = 1; at < order.length; at += 1) {
    const [before = 0, here = 0] = [order[at - 1], order[at]];
    if (Math.fround(values[before] ?? 0) < Math.fround(values[here] ?? 0)) throw new Error(`out of order at ${at}`);
  }
  expect(user / 1000).toBeLessThan(100);
});
