/** BAT, sector bitmaps and parent locators of a VHDX against plain models: every pair compared, bit by bit, text by text. */
import { readFileSync } from 'node:fs';
import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { relativeStoredPath, vhdxParentCandidates } from '#domain/chain/parent-candidates';
import {
  batGeometry,
  decodeEntries,
  encodeEntries,
  entryOf,
  offsetOf,
  stateOf,
  what,
} from '#domain/disk-format/vhdx/bat';
import { VhdxBatCheck } from '#domain/disk-format/vhdx/bat-check';
import * as locators from '#domain/disk-format/vhdx/parent-locator';
import { clearBits, isSet, setBits, setRuns } from '#domain/disk-format/vhdx/sector-bitmap';
import { describeWithCorpus } from '../corpus.js';
import { scratchFolder } from '../models/scratch-folder.js';

const RUNS = { numRuns: 1000 };
const MIB = 2 ** 20;
const upTo = (max: number) => fc.nat({ max });

describe('a BAT entry', () => {
  test.prop({ state: upTo(7), mib: upTo(2 ** 28 - 1) }, RUNS)(
    'gives back its state and its offset',
    ({ state, mib }) => {
      const entry = entryOf(state, mib * MIB);
      expect([stateOf(entry), offsetOf(entry)]).toEqual([state, mib * MIB]);
      expect([...decodeEntries(encodeEntries(Float64Array.of(entry)))]).toEqual([entry]);
    },
  );
});

describe('the BAT check', () => {
  /** Blocks of 256 MiB, 16 a chunk; the file has room for eight of them and a little. */
  const BLOCK_MIB = 256;
  const FILE_MIB = 4 + 8 * BLOCK_MIB + 10;
  const SLOTS = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => 4 + n * BLOCK_MIB);
  /** Mostly side by side, as in real files, and now and then a MiB or more off. */
  const places = fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...SLOTS) },
    { weight: 1, arbitrary: upTo(FILE_MIB) },
    { weight: 2, arbitrary: upTo(9).map((n) => 4 + 8 * BLOCK_MIB + n) },
  );
  const states = fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(0, 1, 2, 3, 6, 7) },
    { weight: 1, arbitrary: upTo(7) },
  );
  const entries = fc
    .tuple(
      states,
      fc.option(places, { freq: 6, nil: 0 }),
      fc.oneof({ weight: 30, arbitrary: fc.constant(0) }, upTo(0xffff)),
    )
    .map(([state, mib, reserved]) => entryOf(state, mib * MIB) + reserved * 8);

  interface Table {
    readonly hasParent: boolean;
    readonly payloadBlocks: number;
    readonly entryCount: number;
    readonly used: ReadonlyMap<number, number>;
  }

  const sizeOf = (table: Table, index: number): number =>
    what(geometryOf(table), index).kind === 'payload' ? BLOCK_MIB : 1;
  const geometryOf = ({ hasParent, payloadBlocks }: Pick<Table, 'hasParent' | 'payloadBlocks'>) =>
    batGeometry({
      blockSizeBytes: BLOCK_MIB * MIB,
      logicalSectorSize: 512,
      virtualSizeBytes: payloadBlocks * BLOCK_MIB * MIB,
      hasParent,
    });

  /** The kinds of flaws that there are, by looking at every entry and at every two of them. */
  const flawsOf = (table: Table): ReadonlySet<string> => {
    const flaws = new Set<string>();
    const owned: { readonly from: number; readonly to: number }[] = [{ from: 0, to: 4 }];
    const bitmapOf = (block: number): number => table.used.get(Math.floor(block / 16) * 17 + 16) ?? 0;
    for (const [index, entry] of table.used) {
      const owner = what(geometryOf(table), index);
      const state = entry & 7;
      const mib = Math.floor(entry / MIB);
      const isPayload = owner.kind === 'payload';
      if (isPayload && owner.block >= table.payloadBlocks) continue;
      if (entry % MIB >= 8) flaws.add('bat-state');
      if (!(isPayload ? [0, 1, 2, 3, 6, 7] : [0, 6, 7]).includes(state)) flaws.add('bat-state');
      if (isPayload && state === 7 && !table.hasParent) flaws.add('bat-state');
      if (!isPayload && state >= 6 && !table.hasParent) flaws.add('bitmap-mismatch');
      if (isPayload && state === 7 && bitmapOf(owner.block) % 8 === 0) flaws.add('bitmap-missing');
      const owns = state >= 6 || (isPayload && (state === 1 || state === 3) && mib > 0);
      if (!owns) continue;
      const place = { from: mib, to: mib + sizeOf(table, index) };
      if (mib === 0 || place.to > FILE_MIB) flaws.add('bat-entry-out-of-range');
      if (owned.some(({ from, to }) => Math.max(from, place.from) < Math.min(to, place.to))) flaws.add('bat-overlap');
      owned.push(place);
    }
    return flaws;
  };

  test.prop(
    {
      hasParent: fc.boolean(),
      payloadBlocks: fc.integer({ min: 1, max: 40 }),
      used: fc.array(fc.tuple(fc.nat(), entries), { maxLength: 7 }),
      withBitmaps: fc.boolean(),
      slice: fc.integer({ min: 1, max: 60 }),
    },
    { numRuns: 4000 },
  )('finds a flaw, of the right kind, exactly when a look at every two entries does', (given) => {
    const { hasParent, payloadBlocks, slice } = given;
    const geometry = geometryOf(given);
    const used = new Map(given.used.map(([index, entry]) => [index % geometry.entryCount, entry]));
    if (hasParent && given.withBitmaps) {
      for (let chunk = 0; chunk < geometry.bitmapBlocks; chunk += 1) {
        used.set(chunk * 17 + 16, entryOf(6, (4 + 8 * BLOCK_MIB + chunk) * MIB));
      }
    }
    const check = new VhdxBatCheck({
      geometry,
      occupied: [{ startBytes: 0, endBytes: 4 * MIB }],
      fileSizeBytes: FILE_MIB * MIB,
    });
    const table = new Float64Array(geometry.entryCount);
    for (const [index, entry] of used) table[index] = entry;
    for (let n = 0; n < table.length; n += slice) check.take(n, table.slice(n, n + slice));

    const flaws = flawsOf({ hasParent, payloadBlocks, entryCount: geometry.entryCount, used });
    const summary = check.summary();
    if (!summary.ok) expect(flaws).toContain(summary.error.flaw);
    expect(summary.ok).toBe(flaws.size === 0);
  });
});

describe('a sector bitmap', () => {
  const bitmaps = fc
    .array(fc.oneof(fc.constantFrom(0x00, 0xff), upTo(0xff)), { minLength: 1, maxLength: 24 })
    .map((bytes) => Uint8Array.from(bytes));
  const bitsOf = (bitmap: Uint8Array): string =>
    Array.from({ length: bitmap.length * 8 }, (_, n) => (bitmap[n >>> 3]! >>> (n & 7)) & 1).join('');

  test.prop({ bitmap: bitmaps, ends: fc.tuple(upTo(192), upTo(192)) }, RUNS)(
    'gives the runs that reading bit by bit gives',
    ({ bitmap, ends }) => {
      const [from = 0, to = 0] = ends.map((end) => Math.min(end, bitmap.length * 8)).toSorted((a, b) => a - b);
      const expected = [...bitsOf(bitmap).slice(from, to).matchAll(/1+/g)].map((run) => ({
        start: from + run.index,
        count: run[0].length,
      }));
      expect(setRuns(bitmap, from, to)).toEqual(expected);
    },
  );

  test.prop({ bitmap: bitmaps, start: upTo(191), count: upTo(192), value: fc.boolean() }, RUNS)(
    'has after setBits or clearBits the bits it had, but for those',
    ({ bitmap, start, count, value }) => {
      const after = bitmap.slice();
      const end = Math.min(start + count, bitmap.length * 8);
      (value ? setBits : clearBits)(after, start, Math.max(0, end - start));
      for (let sector = 0; sector < bitmap.length * 8; sector += 1) {
        expect(isSet(after, sector)).toBe(sector >= start && sector < end ? value : isSet(bitmap, sector));
      }
    },
  );
});

describe('a parent locator', () => {
  const texts = fc
    .array(fc.integer({ min: 1, max: 0xffff }), { minLength: 1, maxLength: 20 })
    .map((units) => String.fromCharCode(...units));
  const identities = fc.uuid().filter((uuid) => uuid !== '00000000-0000-0000-0000-000000000000');
  const parents = fc.record({
    identity: identities,
    relativePath: texts,
    absolutePath: fc.option(texts, { nil: null }),
  });
  const strange = fc.uniqueArray(fc.tuple(texts, texts), { selector: ([key]) => key, maxLength: 5 });
  const locatorOf = (parent: locators.NewParent, more: readonly (readonly [string, string])[]) => {
    const entries = [...more.map(([key, value]) => ({ key, value })), ...locators.newParentLocator(parent).entries];
    return { entries };
  };

  test.prop({ parent: parents, more: strange }, RUNS)('comes back, whatever its code units', ({ parent, more }) => {
    const locator = locatorOf(parent, more);
    expect(locators.decodeParentLocator(locators.encodeParentLocator(locator))).toEqual({ ok: true, value: locator });
  });

  test.prop({ parent: parents, other: parents, more: strange, second: fc.option(identities, { nil: null }) }, RUNS)(
    'changes its identities and paths as it is told, and nothing else',
    ({ parent, other, more, second }) => {
      const locator = locatorOf(parent, more);
      const accepted = second === null ? [other.identity] : [other.identity, second];
      const linked = locators.withLinkage(locator, accepted);
      expect(locators.linkageOf(linked)).toEqual(accepted);
      expect(linked.entries.filter(({ key }) => !key.startsWith('parent_linkage'))).toEqual(
        locator.entries.filter(({ key }) => !key.startsWith('parent_linkage')),
      );
      const moved = locators.relinked(linked, other);
      expect(locators.linkageOf(moved)).toEqual([other.identity]);
      expect(locators.storedPathsOf(moved)).toEqual(locators.storedPathsOf(locators.newParentLocator(other)));
      expect(moved.entries.slice(0, more.length)).toEqual(locator.entries.slice(0, more.length));
    },
  );

  test.prop({ bytes: fc.uint8Array({ maxLength: 200 }), at: upTo(400), parent: parents }, RUNS)(
    'that is damaged is refused or read, and never throws',
    ({ bytes, at, parent }) => {
      const item = locators.encodeParentLocator(locators.newParentLocator(parent));
      item.set(bytes.subarray(0, Math.max(0, item.length - at)), Math.min(at, item.length));
      const decoded = locators.decodeParentLocator(item);
      if (decoded.ok) expect(locators.linkageOf(decoded.value)).not.toEqual([]);
    },
  );

  const folders = fc.array(fc.constantFrom('a', 'b', 'c d', 'é'), { maxLength: 4 });
  test.prop({ child: folders, parent: folders, hostStyle: fc.constantFrom('posix', 'windows') }, RUNS)(
    'with a relative path leads from the child to the parent',
    ({ child, parent, hostStyle }) => {
      const host = (folder: readonly string[], name: string) =>
        hostStyle === 'posix' ? ['', ...folder, name].join('/') : ['C:', ...folder, name].join('\\');
      const [childPath, parentPath] = [host(child, 'leaf.vhdx'), host(parent, 'base.vhdx')];
      const relativePath = relativeStoredPath(childPath, parentPath, hostStyle);
      const identity = '01234567-89ab-cdef-0123-456789abcdef';
      const locator = locators.newParentLocator({ identity, relativePath, absolutePath: null });
      const stored = locators.storedPathsOf(locator);
      expect(vhdxParentCandidates({ childPath, hostStyle, stored })[0]?.path).toBe(parentPath);
    },
  );
});

describeWithCorpus('the parent locator that Windows 10 wrote in the corpus', (corpus) => {
  const folder = scratchFolder();

  test('is read as the manifest says, and written as it was', async () => {
    const image = corpus.image('ntfs-differential.vhdx');
    const [path = ''] = await corpus.unpack([image.name], folder());
    // The metadata region at 2 MiB, its first item at 64 KiB, the locator behind 40 bytes of others.
    const item = new Uint8Array(readFileSync(path).subarray(0x21_0028, 0x21_0028 + 0x2a8));
    const decoded = locators.decodeParentLocator(item);
    if (!decoded.ok) throw new Error(decoded.error.found);
    expect(Object.fromEntries(decoded.value.entries.map(({ key, value }) => [key, value]))).toEqual(
      image.parentLocator,
    );
    expect(locators.linkageOf(decoded.value)).toEqual([corpus.image('ntfs-parent.vhdx').dataWriteGuid]);
    expect(Buffer.compare(locators.encodeParentLocator(decoded.value), item)).toBe(0);
  });
});
