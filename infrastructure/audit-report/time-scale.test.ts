import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { isDrawable, TimeScale } from './time-scale.js';

const stretches = fc
  .array(fc.record({ pause: fc.nat({ max: 100_000 }), length: fc.nat({ max: 10_000 }) }), {
    minLength: 1,
    maxLength: 60,
  })
  .map((parts) => {
    let at = 1_764_000_000_000;
    return parts.map(({ pause, length }) => {
      const from = at + pause;
      at = from + length;
      return { from, to: at };
    });
  });

describe('time on a line', () => {
  property.prop({ stretches })('goes forward only, from one end of the picture to the other', ({ stretches }) => {
    const scale = new TimeScale(stretches, 64, 600);
    const xs = stretches.flatMap(({ from, to }) => [scale.x(from), scale.x((from + to) / 2), scale.x(to)]);
    expect(xs[0]).toBeCloseTo(64, 6);
    for (const [index, x] of xs.slice(1).entries()) expect(x).toBeGreaterThanOrEqual(xs[index]! - 1e-6);
    expect(xs.at(-1)).toBeLessThanOrEqual(664 + 1e-6);
    for (const { at } of scale.ticks(6)) expect(scale.x(at)).toBeLessThanOrEqual(664 + 1e-6);
    expect(scale.ticks(6).length).toBeLessThanOrEqual(2 * scale.pieces.length + 8);
  });

  it('draws a night between two runs short, and names its length', () => {
    const scale = new TimeScale(
      [
        { from: 0, to: 60_000 },
        { from: 36_000_000, to: 36_060_000 },
      ],
      0,
      500,
    );
    expect(scale.breaks).toMatchObject([{ milliseconds: 35_940_000 }]);
    expect(scale.x(60_000) - scale.x(0)).toBeCloseTo(scale.x(36_060_000) - scale.x(36_000_000), 6);
  });

  it('draws short pauses as long as they were', () => {
    const scale = new TimeScale(
      [
        { from: 0, to: 50 },
        { from: 60, to: 100 },
      ],
      0,
      100,
    );
    expect(scale.breaks).toEqual([]);
    expect(scale.x(55)).toBeCloseTo(55, 6);
  });

  it.each([1e300, 8.64e15, 253_402_300_799_999])('ends its ticks, though a run ended at %d', (to) => {
    const scale = new TimeScale([{ from: 1_764_000_000_000, to }], 64, 600);
    expect(scale.ticks(6).length).toBeLessThan(20);
  });

  it.each([
    [0, 253_402_300_799_999, true],
    [0, 253_402_300_800_000, false],
    [-1, 1, false],
    [1, Infinity, false],
    [NaN, 1, false],
  ])('from %d to %d can be drawn: %s', (from, to, isSo) => {
    expect(isDrawable([{ from, to }])).toBe(isSo);
  });
});
