import type { Draw } from './memory-file.js';

/** What a power loss leaves: nothing of what was not flushed, all of it, or what a seeded xorshift draws. */
export const keepNothing: Draw = () => 0;
export const keepAll: Draw = (below) => Math.min(1, below - 1);

export const drawnFrom = (seed: number): Draw => {
  let state = (seed | 0) === 0 ? 0x9e3779b9 : seed | 0;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
};

/** The two extremes and as many others as asked for. */
export const someDraws = (count: number, seed: number): readonly Draw[] => [
  keepNothing,
  keepAll,
  ...Array.from({ length: count }, (_, n) => drawnFrom(seed * 7919 + n + 1)),
];
