/** The matrix of decision 0021, tried with real programs: who may have which file of a chain that is merged. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type MergeError, returnCodeOf } from '#domain/merge-error';
import { merge, productPorts } from '../product/product.js';
import { type ChainInUse, chainInUse, type Format } from './in-use-chains.js';
import { type HolderKind, whyNotHere } from './in-use-holders.js';

export const refusalOf = async ({ source, destination }: ChainInUse): Promise<MergeError> => {
  const merged = await merge(productPorts(), source, destination);
  if (merged.answer !== 'refused') throw new Error(`it was not refused: ${merged.answer}`);
  return merged.error;
};

/** What no write leaves as it was. */
const timesOf = (folder: string): readonly string[] =>
  readdirSync(folder).map((name) => {
    const { ino, size, mtimeNs, ctimeNs } = lstatSync(join(folder, name), { bigint: true });
    return [name, ino, size, mtimeNs, ctimeNs].join(' ');
  });

/** Refused with 32774 for this file, with these words for the holder; and no byte or time of any file is another. */
export const expectRefused = async (chain: ChainInUse, path: string, named: RegExp): Promise<void> => {
  const before = timesOf(chain.folder);
  const error = await refusalOf(chain);
  expect([error.kind, error.path, returnCodeOf(error)]).toEqual(['image-in-use', path, 32774]);
  expect(error.message).toMatch(named);
  expect(timesOf(chain.folder)).toEqual(before);
};

export const expectMerges = async (chain: ChainInUse): Promise<void> => {
  const shown = chain.shows(chain.source);
  expect(await merge(productPorts(), chain.source, chain.destination)).toMatchObject({
    answer: 'ran',
    outcome: { outcome: 'completed' },
  });
  expect(chain.shows(chain.destination)).toBe(shown);
};

export const describeHolder = (kind: HolderKind, formats: readonly Format[], scratch: () => string): void => {
  describe(kind.title, () => {
    const missing = whyNotHere(kind);
    if (missing !== null) console.warn(`left out: ${kind.title} as the holder of an image: ${missing}`);

    it.skipIf(missing !== null).each(formats)(
      'of a %s chain is refused by name where it would do harm, and merged beside where it would not',
      async (format) => {
        const chain = chainInUse(format, scratch());
        const isHarmless = (written: boolean): boolean => !kind.writes && !written;
        // QEMU opens no VHDX that has a parent; as raw bytes it opens all.
        const qemuFormat = format === 'VHD' ? 'vpc' : 'raw';
        for (const { path, written } of chain.files.filter((file) => !isHarmless(file.written))) {
          const end = await kind.take(path, qemuFormat);
          try {
            await expectRefused(chain, path, kind.named);
          } finally {
            await end();
          }
          expect(written || kind.writes).toBe(true);
        }
        const ends: (() => Promise<void>)[] = [];
        try {
          for (const { path } of chain.files.filter((file) => isHarmless(file.written)))
            ends.push(await kind.take(path, qemuFormat));
          await expectMerges(chain);
        } finally {
          for (const end of ends) await end();
        }
      },
    );
  });
};
