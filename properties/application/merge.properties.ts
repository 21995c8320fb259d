import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { PATIENCE_MS, runs } from '../budget.js';
import { differencingChains, materialise, mergePairs } from '../arbitraries/chains.js';
import { checkPlainVhd, followChain, guestBytes, openChain } from '../models/plain-vhd.js';
import { fatal } from '../models/plain-vhd-check.js';
import { filesInMemory, merge, productPorts, recordedEvents } from '../product/product.js';
import { expectSameBytes } from '../models/same-bytes.js';
import { FreeLocks } from '../simulation/free-locks.js';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';

/** A chain, two of its layers, and a window size: from less than a block to everything at once. */
const merges = () =>
  differencingChains().chain((chain) =>
    fc.record({
      chain: fc.constant(chain),
      pair: mergePairs(chain),
      windowBytes: fc.constantFrom(512, 16 * 1024, 64 * 1024 * 1024),
    }),
  );

describe('a merge', () => {
  const scratch = scratchFolder(folderInMemory());

  test.prop([merges()], runs(180, 1000))(
    'of any source into any ancestor leaves a destination that shows what the source showed, and every layer above unchanged',
    async ({ chain, pair, windowBytes }) => {
      const folder = mkdtempSync(join(scratch(), 'c-'));
      try {
        const { paths, views } = materialise(chain, folder);
        const source = paths[pair.source]!;
        const destination = paths[pair.destination]!;
        const kept = paths.filter((path) => path !== destination && paths.indexOf(path) !== pair.source - 1);
        const before = new Map(kept.map((path) => [path, readFileSync(path)]));
        const ports = productPorts({ files: filesInMemory(), locks: new FreeLocks() });

        const merged = await merge(ports, source, destination, { windowBytes });
        expect(merged).toMatchObject({ answer: 'ran', outcome: { outcome: 'completed' } });

        const view = views[pair.source]!;
        expectSameBytes(bytesFrom(paths.slice(pair.destination)), view, 'the destination');
        expectSameBytes(bytesFrom(paths.slice(pair.source)), view, 'the source');
        expect(checkPlainVhd(destination).filter(fatal)).toEqual([]);
        for (const [path, bytes] of before) expect(readFileSync(path).equals(bytes)).toBe(true);
        if (pair.source > 0) {
          // The source's child hangs on the destination now, and shows what it showed.
          expectSameBytes(guestBytes(followChain(paths[0]!)), views[0]!, 'the leaf');
          expectSameBytes(
            bytesFrom([...paths.slice(0, pair.source), ...paths.slice(pair.destination)]),
            views[0]!,
            'the leaf over the destination',
          );
        }
        await expectMergedTwiceIsOnce(ports, source, destination, merged);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    PATIENCE_MS,
  );
});

const bytesFrom = (paths: readonly string[]): Uint8Array => guestBytes(openChain(paths));

const expectMergedTwiceIsOnce = async (
  ports: ReturnType<typeof productPorts>,
  source: string,
  destination: string,
  first: { readonly answer: string },
): Promise<void> => {
  if (!('jobId' in first) || typeof first.jobId !== 'string') throw new Error('the first merge has no job');
  const file = { bytes: readFileSync(destination), mtime: statSync(destination, { bigint: true }).mtimeNs };
  const events = (await recordedEvents(ports, first.jobId)).length;
  expect(await merge(ports, source, destination)).toMatchObject({ answer: 'already-completed', jobId: first.jobId });
  expect(readFileSync(destination).equals(file.bytes)).toBe(true);
  expect(statSync(destination, { bigint: true }).mtimeNs).toBe(file.mtime);
  expect((await recordedEvents(ports, first.jobId)).length).toBe(events);
};
