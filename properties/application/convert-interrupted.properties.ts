import { describe, expect, test } from 'vitest';
import { PATIENCE_MS, runs } from '../budget.js';
import type { FileSystem, OpenFile } from '../../application/ports/file-system.js';
import { checkPlainVhd, followChain, guestBytes, imageBytes, plainVhdImage } from '../models/plain-vhd.js';
import { fatal } from '../models/plain-vhd-check.js';
import { checkPlainVhdx, openVhdxChain, vhdxGuestBytes } from '../models/plain-vhdx.js';
import { expectSameBytes } from '../models/same-bytes.js';
import { convert } from '../product/conversions.js';
import { exists } from '../product/power-losses.js';
import { productPorts } from '../product/product.js';
import { BLOCK_BYTES, block, child, common, id, SIZE_BYTES } from '../product/small-disks.js';
import { keepAll, keepNothing, someDraws } from '../simulation/draws.js';
import type { Draw } from '../simulation/memory-file.js';
import { FreeLocks } from '../simulation/free-locks.js';
import { MemoryFileSystem, PowerLoss, type MemoryOptions } from '../simulation/memory-file-system.js';

const [BASE, LEAF] = ['/d/base.vhd', '/d/leaf.vhd'];
const SOURCES = new Map([
  [
    BASE,
    imageBytes(
      plainVhdImage({
        ...common,
        type: 'dynamic',
        uniqueId: id(1),
        blocks: new Map([
          [0, block(1)],
          [3, block(3)],
        ]),
      }),
    ),
  ],
  [
    LEAF,
    imageBytes(
      plainVhdImage(
        child(
          2,
          1,
          'base.vhd',
          new Map([
            [0, block(9)],
            [5, block(8)],
            [6, block(0)],
          ]),
        ),
      ),
    ),
  ],
]);
const VIEW = new Uint8Array(SIZE_BYTES);
for (const [number, fill] of [
  [0, 9],
  [3, 3],
  [5, 8],
] as const)
  VIEW.fill(fill, number * BLOCK_BYTES, (number + 1) * BLOCK_BYTES);

const disk = (options: MemoryOptions = {}): MemoryFileSystem => {
  const files = new MemoryFileSystem(options);
  for (const [path, bytes] of SOURCES) files.put(path, bytes);
  return files;
};

const run = (files: FileSystem, path: string, type: 'fixed' | 'dynamic') =>
  convert({ ...productPorts({ files }), locks: new FreeLocks() }, LEAF, path, {
    type,
    ...(path.endsWith('.vhd') ? { blockSizeBytes: BLOCK_BYTES } : {}),
  });

const TARGETS = [
  ['/d/new.vhd', 'dynamic'],
  ['/d/new.vhd', 'fixed'],
  ['/d/new.vhdx', 'dynamic'],
  ['/d/new.raw', 'fixed'],
] as const;

const expectWhole = (files: MemoryFileSystem, path: string): void => {
  const source = files.source(path);
  if (path.endsWith('.raw')) expectSameBytes(files.bytes(path), VIEW, path);
  else if (path.endsWith('.vhdx')) {
    expect(checkPlainVhdx(source)).toEqual([]);
    expectSameBytes(vhdxGuestBytes(openVhdxChain([source])), VIEW, path);
  } else {
    expect(checkPlainVhd(source).filter(fatal)).toEqual([]);
    expectSameBytes(guestBytes(followChain(path, () => source)), VIEW, path);
  }
};

const expectSourcesAsBefore = (files: MemoryFileSystem): void => {
  for (const [path, bytes] of SOURCES) expectSameBytes(files.bytes(path), bytes, path);
};

/** Everything unflushed is lost, all of it is kept, or a part: in turns, or with more patience all of these at each call. */
const drawsAt = (call: number): readonly Draw[] => {
  const { numRuns } = runs(1, 20);
  const draws = [keepNothing, keepAll, ...someDraws(numRuns, call + 1)];
  return numRuns > 1 ? draws : [draws[call % 3]!];
};

describe('a conversion that loses its power', { timeout: PATIENCE_MS }, () => {
  test.each(TARGETS)(
    'at any call leaves %s (%s) whole or absent, and the next one makes it and removes what was left',
    async (path, type) => {
      const calls = await callsOf(path, type);
      for (let powerLossAt = 0; powerLossAt < calls; powerLossAt += 1) {
        for (const draw of drawsAt(powerLossAt)) {
          const files = disk({ powerLossAt });
          await expect(run(files, path, type)).rejects.toBeInstanceOf(PowerLoss);
          const after = files.restarted({}, draw);
          expectSourcesAsBefore(after);
          if (exists(after, path)) {
            expectWhole(after, path);
            await after.unlink(path);
          }
          expect(await run(after, path, type)).toMatchObject({ outcome: 'converted' });
          expectWhole(after, path);
          expect((await after.list('/d')).toSorted()).toEqual(['base.vhd', 'leaf.vhd', path.slice(3)]);
        }
      }
    },
  );
});

describe('a conversion on a disk that fails', { timeout: PATIENCE_MS }, () => {
  test.each(TARGETS)('at any call says so, and leaves %s (%s) absent unless it was whole', async (path, type) => {
    const calls = await callsOf(path, type);
    for (const code of ['io', 'out-of-space'] as const) {
      for (let call = 0; call < calls; call += 1) {
        const files = disk({ faultAt: { call, code } });
        const outcome = await run(files, path, type);
        expectSourcesAsBefore(files);
        if (outcome.outcome === 'converted') expectWhole(files, path);
        else {
          expect(outcome).toMatchObject({ error: { kind: code === 'io' ? 'io-failed' : 'out-of-space' } });
          expect(exists(files, path)).toBe(false);
        }
      }
    }
  });

  test.each(TARGETS)('that changes one byte on its way is caught, and %s (%s) is not made', async (path, type) => {
    const files = disk();
    const outcome = await run(corrupting(files, 0x09), path, type);
    expect(outcome).toMatchObject({ outcome: 'failed', error: { kind: 'verification-failed', path } });
    expect((await files.list('/d')).toSorted()).toEqual(['base.vhd', 'leaf.vhd']);
  });
});

const callsOf = async (path: string, type: 'fixed' | 'dynamic'): Promise<number> => {
  const files = disk();
  expect(await run(files, path, type)).toMatchObject({ outcome: 'converted' });
  expectWhole(files, path);
  expect((await files.list('/d')).toSorted()).toEqual(['base.vhd', 'leaf.vhd', path.slice(3)]);
  // What was said to be made is durable.
  expectWhole(files.restarted({}, keepNothing), path);
  return files.calls.length;
};

/** Of the first write that holds a sector full of this byte, one bit is written otherwise. */
const corrupting = (files: MemoryFileSystem, fill: number): FileSystem => {
  let done = false;
  const corrupted = (file: OpenFile): OpenFile => ({
    ...file,
    write: (from, position) => {
      const at = from.findIndex((_, n) => n % 512 === 0 && from.subarray(n, n + 512).every((byte) => byte === fill));
      if (done || at < 0) return file.write(from, position);
      done = true;
      const changed = from.slice();
      changed[at]! ^= 4;
      return file.write(changed, position);
    },
  });
  return new Proxy(files, {
    get: (target, name) => {
      if (name === 'open')
        return async (path: string, mode: 'read' | 'read-write') => corrupted(await target.open(path, mode));
      if (name === 'create') return async (path: string) => corrupted(await target.create(path));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
};
