import { describe, expect, it } from 'vitest';
import { mergesOf, runMutatedImages } from '../hostile/mutated-images-run.js';

/** Each run is a process of its own; two at a time. */
const RUNS = 20;
const IMAGES = 5000;
const MOST_RSS_MIB = 256;
const seed = Number(process.env.CHAINFOLD_SEED ?? 1);

describe('100,000 images with their structures changed, some on files that even root cannot change', () => {
  it('are refused with a typed error and left as they were, or read and merged as the plain readers read them, in bounded time and memory', async () => {
    for (let nth = 0; nth < RUNS; nth += 2) {
      const seeds = [seed + nth, seed + nth + 1];
      for (const run of await Promise.all(seeds.map((one) => runMutatedImages(one, IMAGES, 'long')))) {
        console.log(JSON.stringify(run));
        expect(run.images).toBe(IMAGES);
        expect(run.peakRssMib).toBeLessThan(MOST_RSS_MIB);
        expect(mergesOf(run).tried).toBeGreaterThan(IMAGES / 5);
        expect(mergesOf(run).completed).toBeGreaterThan(IMAGES / 20);
        expect(run.tally['on immutable files']).toBe(IMAGES / 200);
      }
    }
  });
});
