import { expect } from 'vitest';
import type { ManyChains } from './scan-forest.js';

/** What tests read of `scan --json`. */
export interface ScanJson {
  readonly chains: readonly {
    readonly images: readonly {
      readonly path: string;
      readonly parent: string | null;
      readonly problems: readonly { readonly kind: string; readonly message: string }[];
    }[];
  }[];
  readonly passedOver: readonly { readonly path: string; readonly why: string }[];
  readonly summary: Readonly<Record<string, number>>;
}

/** Each image once, with its parent and all that is wrong with it; of a ring one link is cut. */
export const expectAllReported = (found: ScanJson, { expected, damaged }: ManyChains): void => {
  const images = found.chains.flatMap((chain) => chain.images);
  const facts = images.map(({ path, parent, problems }) => {
    const troubles = problems.map(({ kind }) => kind);
    const isCut = parent === null && troubles.includes('cycle');
    return [path, { troubles, parent: isCut ? (expected.get(path)?.parent ?? null) : parent }] as const;
  });
  expect(new Map(facts)).toEqual(new Map(expected));
  expect(facts).toHaveLength(expected.size);
  const reported = images.filter(({ problems }) => problems.some(({ kind }) => kind === 'damaged'));
  expect(reported.map(({ path }) => path).sort()).toEqual([...damaged].sort());
  for (const { path, problems } of reported) expect(problems[0]!.message).toContain(path);
  expect(found.summary).toMatchObject({ images: expected.size });
};
