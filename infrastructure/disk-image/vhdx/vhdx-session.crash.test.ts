/**
 * Power lost before every single call (in `npm test` every third) of a session, with what was not flushed dropped, kept and torn; then the same again in the
 * session that follows. CRASH-TESTS.md 2.1, 2.2, FORMATS.md B8.
 */
import { describe, expect, test } from 'vitest';
import {
  checkPlainVhdx,
  fatalVhdx,
  METADATA_PARTS,
  openPlainVhdx,
  type PlainLog,
} from '../../../properties/models/plain-vhdx.js';
import { checkStructure } from '../../../properties/models/plain-vhdx-check.js';
import { PATH } from '../../../properties/simulation/damaged-vhdx.js';
import { powerLosses } from '../../../properties/budget.js';
import { drawnFrom, keepAll, keepNothing, someDraws } from '../../../properties/simulation/draws.js';
import type { MemoryFileSystem } from '../../../properties/simulation/memory-file-system.js';
import {
  contentOf,
  diskWith,
  guids,
  openedForWriting,
  stampedChild,
  stampIn,
  stamping,
  stampPlaces,
  wholeWrites,
} from '../../../properties/simulation/vhdx-sessions.js';
import { VhdxSession } from './vhdx-session.js';

/** A session of so many transactions, so many in each commit; then the log is emptied. */
interface Work {
  readonly sectorBytes: 512 | 4096;
  readonly pages: number;
  readonly perCommit: number;
  /** Whether the file gets a MiB more before each commit. */
  readonly grows: boolean;
  readonly last: number;
}

const untilPowerLoss = async (files: MemoryFileSystem, work: () => Promise<void>): Promise<boolean> => {
  try {
    await work();
  } catch (error) {
    if (!files.isOff) throw error;
  }
  return files.isOff;
};

describe('a session that loses its power', () => {
  test.each([
    ['entries that go round the ring', { sectorBytes: 512, pages: 100, perCommit: 1, grows: false, last: 4 }],
    [
      'commits of several entries, the file longer before each',
      { sectorBytes: 4096, pages: 60, perCommit: 3, grows: true, last: 6 },
    ],
  ] satisfies [string, Work][])(
    'leaves each transaction whole or not at all, none without those before it, and what was committed: %s',
    async (_, { sectorBytes, pages, perCommit, grows, last }) => {
      const spec = stampedChild(sectorBytes);
      const places = stampPlaces(spec);
      const run = async (files: MemoryFileSystem, first: number, committed: (last: number) => void): Promise<void> => {
        const { vhdx, file } = await openedForWriting(files);
        const newGuid = guids(first * 100);
        const session = await VhdxSession.begin(vhdx, file, newGuid(), newGuid);
        for (let number = first; number <= last; number += perCommit) {
          const numbers = Array.from({ length: Math.min(perCommit, last - number + 1) }, (__, n) => number + n);
          if (grows) await session.growFile(session.fileLengthBytes + 1024 * 1024);
          await session.commit(numbers.map((each) => stamping(places, each, pages)));
          committed(number + numbers.length - 1);
        }
        await session.rest();
      };

      const whole = diskWith(spec);
      await run(whole, 1, () => undefined);
      expect(checkPlainVhdx(whole.source(PATH))).toEqual([]);
      for (const call of powerLosses(0, whole.calls.length)) {
        const files = diskWith(spec, { powerLossAt: call });
        let acknowledged = 0;
        const lost = await untilPowerLoss(files, () => run(files, 1, (number) => (acknowledged = number)));
        expect(lost).toBe(true);
        const expectWhole = async (left: MemoryFileSystem): Promise<number> => {
          const number = await stampIn(left, places, pages);
          expect(number).toBeGreaterThanOrEqual(acknowledged);
          expect(number).toBeLessThanOrEqual(acknowledged + perCommit);
          return number;
        };
        for (const draw of wholeWrites(files)) await expectWhole(files.restarted({}, draw));
        for (const draw of someDraws(1, call)) {
          const left = files.restarted({ powerLossAt: draw(whole.calls.length) }, draw);
          const first = await expectWhole(left);
          let again = first;
          await untilPowerLoss(left, () => run(left, first + 1, (number) => (again = number)));
          const after = left.restarted({}, drawnFrom(call + 1));
          const second = await stampIn(after, places, pages);
          expect(second).toBeGreaterThanOrEqual(again);
          await run(after, second + 1, () => undefined);
          expect(await stampIn(after, places, pages)).toBe(last);
          expect(checkPlainVhdx(after.restarted({}, keepAll).source(PATH))).toEqual([]);
        }
      }
    },
    120_000,
  );
});

describe('the replay of a log on the disk that loses its power', () => {
  const dirty = { state: 'dirty', logGuid: guids(900)(), holds: METADATA_PARTS } as const;
  test.each([
    [
      'three entries that wrap, a retired one before them and a torn one after',
      { before: 'stale', entries: 3, retired: 1, torn: true },
    ],
    ['a page and zeros behind the end of the file', { before: 'zeros', fileShorterByMib: 1 }],
  ] satisfies [string, Partial<PlainLog>][])(
    'leaves a file that reads the same, and is done again by the next session: %s',
    async (_, log) => {
      const spec = stampedChild(512, {
        fileOrder: [0, 1].map((index) => ({ kind: 'payload', index })),
        log: { ...dirty, startBytes: 1024 * 1024 - 3 * 4096, firstSequence: 0xffff_fffen, ...log },
      });
      const expected = contentOf(openPlainVhdx(diskWith(spec).source(PATH)));
      const run = async (files: MemoryFileSystem, first: number): Promise<void> => {
        const { vhdx, file } = await openedForWriting(files);
        const newGuid = guids(first);
        const session = await VhdxSession.begin(vhdx, file, newGuid(), newGuid);
        await session.rest();
      };
      const expectSame = (files: MemoryFileSystem): void => {
        const image = openPlainVhdx(files.source(PATH));
        expect(checkStructure(image).filter(fatalVhdx)).toEqual([]);
        expect(contentOf(image)).toEqual(expected);
      };

      const whole = diskWith(spec);
      await run(whole, 1);
      expectSame(whole);
      expect(checkPlainVhdx(whole.source(PATH))).toEqual([]);
      for (const call of powerLosses(0, whole.calls.length)) {
        const files = diskWith(spec, { powerLossAt: call });
        expect(await untilPowerLoss(files, () => run(files, 1))).toBe(true);
        for (const draw of wholeWrites(files)) expectSame(files.restarted({}, draw));
        for (const draw of someDraws(1, call)) {
          const left = files.restarted({ powerLossAt: drawnFrom(call)(whole.calls.length) }, draw);
          expectSame(left);
          await untilPowerLoss(left, () => run(left, 100));
          const after = left.restarted({}, drawnFrom(call + 1));
          expectSame(after);
          await run(after, 200);
          expectSame(after);
          expect(checkPlainVhdx(after.restarted({}, keepNothing).source(PATH))).toEqual([]);
        }
      }
    },
    120_000,
  );
});
