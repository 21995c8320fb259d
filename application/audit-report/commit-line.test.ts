import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { CommitLine } from './commit-line.js';
import { ExcerptOf, leftOut } from './excerpt.js';

const steps = fc.array(
  fc.record({ after: fc.nat({ max: 5000 }), bytes: fc.oneof(fc.nat({ max: 99 }), fc.nat({ max: 20_000 })) }),
  { minLength: 500, maxLength: 900 },
);

describe('the line of committed bytes', () => {
  property.prop({ steps })('has true points only, at most 400, and the first and the last of all', ({ steps }) => {
    const line = new CommitLine();
    const given = new Map<number, Set<number>>();
    let [at, bytes] = [1_764_000_000_000, 0];
    const add = (): void => {
      line.add(at, bytes);
      given.set(at, (given.get(at) ?? new Set()).add(bytes));
    };
    add();
    for (const step of steps) {
      at += step.after;
      bytes += step.bytes;
      add();
    }
    const { points, spanBytes } = line.timeline();
    expect(points.length).toBeLessThanOrEqual(400);
    for (const [moment, [...said]] of given) {
      const shown = points.findLast((point) => point.at <= moment)?.bytes ?? 0;
      expect(Math.max(...said) - shown).toBeLessThanOrEqual(spanBytes);
    }
    expect(points[0]).toEqual({ at: 1_764_000_000_000, bytes: 0 });
    expect(points.at(-1)?.bytes).toBe(bytes);
    for (const point of points) expect(given.get(point.at)).toContain(point.bytes);
    for (const [index, point] of points.slice(1).entries()) {
      expect(point.at).toBeGreaterThanOrEqual(points[index]!.at);
      expect(point.bytes).toBeGreaterThan(points[index]!.bytes);
    }
  });

  it('of a million commits is lower by no more than the span it names, however long the pauses', () => {
    const line = new CommitLine();
    // With pauses of a week.
    for (let n = 0; n < 1_000_000; n++) line.add(n * 7 + Math.floor(n / 200_000) * 604_800_000, n);
    const { points, spanBytes } = line.timeline();
    expect(points.length).toBeGreaterThan(150);
    for (const [index, point] of points.slice(1).entries()) {
      expect(point.at).toBe(point.bytes * 7 + Math.floor(point.bytes / 200_000) * 604_800_000);
      expect(point.bytes - points[index]!.bytes).toBeLessThanOrEqual(spanBytes);
    }
  });

  it('does not turn back when the clock was set back', () => {
    const line = new CommitLine();
    for (const [at, bytes] of [
      [100, 0],
      [200, 5],
      [50, 9],
      [300, 12],
    ] as const)
      line.add(at, bytes);
    expect(line.timeline().points).toEqual([
      { at: 100, bytes: 0 },
      { at: 200, bytes: 9 },
      { at: 300, bytes: 12 },
    ]);
  });
});

describe('an excerpt', () => {
  property.prop({ count: fc.nat({ max: 500 }) })(
    'has all of a short list, and both ends of a long one',
    ({ count }) => {
      const items = Array.from({ length: count }, (_, n) => n);
      const kept = new ExcerptOf<number>(200, 20);
      for (const item of items) kept.add(item);
      const excerpt = kept.excerpt();
      expect(excerpt.count).toBe(count);
      if (count <= 200) expect(excerpt).toEqual({ count, first: items, last: [] });
      else expect(excerpt).toEqual({ count, first: items.slice(0, 20), last: items.slice(-20) });
      expect(leftOut(excerpt)).toBe(count <= 200 ? 0 : count - 40);
    },
  );
});
