import { describe, expect, test } from 'vitest';
import type { ParentLink } from '#application/ports/disk-image';
import {
  checkPlainVhdx,
  fatalVhdx,
  type LocatorPair,
  openPlainVhdx,
  type PlainVhdxSpec,
} from '../../../properties/models/plain-vhdx.js';
import { checkStructure } from '../../../properties/models/plain-vhdx-check.js';
import { dynamic, PARENT_IDENTITY, PATH } from '../../../properties/simulation/damaged-vhdx.js';
import { keepNothing, someDraws } from '../../../properties/simulation/draws.js';
import type { MemoryFileSystem } from '../../../properties/simulation/memory-file-system.js';
import {
  contentOf,
  diskWith,
  guids,
  stampedChild,
  stampedItem,
  wholeWrites,
} from '../../../properties/simulation/vhdx-sessions.js';
import { valueOf } from '../../../properties/simulation/window-merge.js';
import { VhdxParentLink } from './vhdx-parent-link.js';

const FILE_WRITE_GUID = 'c4a10f01-d000-4000-a000-000000000001';
const NEXT_IDENTITY = 'c4a10f01-d000-4000-a000-00000000000b';
const windows = stampedChild(512);
/** Without parent_linkage2, as other programs write it: the locator gets longer. */
const short = stampedChild(4096, { dialect: 'openvmm' });
const dirty = stampedChild(512, {
  log: { state: 'dirty', logGuid: guids(900)(), holds: ['metadata', 'bat'], before: 'stale' },
});

const opened = (files: MemoryFileSystem) => VhdxParentLink.open(files, PATH, FILE_WRITE_GUID, 'posix', guids());
const linkOn = async (files: MemoryFileSystem): Promise<ParentLink> => valueOf(await opened(files));
const linkagesIn = (files: MemoryFileSystem): readonly string[] =>
  openPlainVhdx(files.source(PATH)).parent?.linkages ?? [];

describe.each([
  ['as Windows writes it', windows],
  ['without parent_linkage2, in sectors of 4096 bytes', short],
  ['with a log that was not applied', dirty],
])('the link of a child %s', (_, spec) => {
  test('is opened without a write, and says what the child accepts and would accept', async () => {
    const files = diskWith(spec);
    const link = await linkOn(files);
    expect(link.accepts).toEqual([PARENT_IDENTITY]);
    const { image } = link;
    const both = link.imageAccepting([PARENT_IDENTITY, NEXT_IDENTITY]);
    expect(files.calls).toEqual([]);
    await link.accept([PARENT_IDENTITY, NEXT_IDENTITY]);
    expect(link.image).toBe(both);
    expect(link.image).not.toBe(image);
    await link.close();
    const again = await linkOn(files);
    expect([again.image, again.accepts]).toEqual([both, [PARENT_IDENTITY, NEXT_IDENTITY]]);
  });

  test('changes nothing else of the child than its FileWriteGuid, and leaves it at rest', async () => {
    const files = diskWith(spec);
    const before = openPlainVhdx(files.source(PATH));
    const link = await linkOn(files);
    await link.accept([PARENT_IDENTITY, NEXT_IDENTITY]);
    expect(linkagesIn(files.restarted({}, keepNothing))).toEqual([PARENT_IDENTITY, NEXT_IDENTITY]);
    const calls = files.calls.length;
    await link.accept([NEXT_IDENTITY]);
    // A locator that was too long for its old place has moved once: the table stays as it is.
    const table = before.regions.metadata.offsetBytes;
    expect(files.calls.slice(calls).filter(({ position }) => position === table)).toEqual([]);
    expect(link.accepts).toEqual([NEXT_IDENTITY]);
    const left = files.restarted({}, keepNothing);
    expect(checkPlainVhdx(left.source(PATH))).toEqual([]);
    const after = openPlainVhdx(left.source(PATH));
    expect(after.fileWriteGuid).toBe(FILE_WRITE_GUID);
    const rest = ({ items, ...others }: { readonly items: typeof after.items }): unknown => ({
      others: { ...others, parent: null },
      items: items.filter(({ bytes }) => bytes.length === stampedItem.bytes.length || bytes.length < 20),
    });
    expect(rest(contentOf(after) as typeof after)).toEqual(rest(contentOf(before) as typeof before));
    const pairs = (all: readonly LocatorPair[] = []) => all.filter(({ key }) => !key.startsWith('parent_linkage'));
    expect(pairs(after.parent?.pairs)).toEqual(pairs(before.parent?.pairs));
  });

  test('accepts the old identities or the new ones at every instant of a power loss, and can be changed again', async () => {
    const steps: readonly (readonly string[])[] = [[PARENT_IDENTITY, NEXT_IDENTITY], [NEXT_IDENTITY]];
    const whole = diskWith(spec);
    const link = await linkOn(whole);
    for (const identities of steps) await link.accept(identities);
    for (let call = 0; call < whole.calls.length; call += 1) {
      const files = diskWith(spec, { powerLossAt: call });
      let done = 0;
      const run = async (): Promise<void> => {
        const each = await linkOn(files);
        for (const identities of steps) {
          await each.accept(identities);
          done += 1;
        }
      };
      await expect(run()).rejects.toThrow('the power went');
      const before = done === 0 ? [PARENT_IDENTITY] : steps[done - 1];
      const expectOldOrNew = (left: MemoryFileSystem): void => {
        const image = openPlainVhdx(left.source(PATH));
        expect(checkStructure(image).filter(fatalVhdx)).toEqual([]);
        expect([before, steps[done]]).toContainEqual(image.parent?.linkages);
      };
      for (const draw of wholeWrites(files)) expectOldOrNew(files.restarted({}, draw));
      for (const draw of someDraws(1, call)) {
        const left = files.restarted({}, draw);
        expectOldOrNew(left);
        await (await linkOn(left)).accept([NEXT_IDENTITY]);
        expect(linkagesIn(left.restarted({}, keepNothing))).toEqual([NEXT_IDENTITY]);
      }
    }
  }, 60_000);
});

describe('the link of a child', () => {
  test('that accepts these identities and is at rest is not written; a log that was not applied is', async () => {
    const files = diskWith(windows);
    await (await linkOn(files)).accept([PARENT_IDENTITY]);
    expect(files.calls).toEqual([]);
    const withLog = diskWith(dirty);
    const link = await linkOn(withLog);
    await link.accept([PARENT_IDENTITY]);
    expect(checkPlainVhdx(withLog.source(PATH))).toEqual([]);
    const calls = withLog.calls.length;
    await link.accept([PARENT_IDENTITY]);
    expect(withLog.calls.length).toBe(calls);
  });

  test('is refused after a fault', async () => {
    const files = diskWith(windows, { faultAt: { call: 9, code: 'io' } });
    const link = await linkOn(files);
    await expect(link.accept([NEXT_IDENTITY])).rejects.toMatchObject({ code: 'io' });
    const calls = files.calls.length;
    await expect(link.accept([NEXT_IDENTITY])).rejects.toMatchObject({ code: 'io' });
    expect(files.calls.length).toBe(calls);
    expect(link.accepts).toEqual([PARENT_IDENTITY]);
  });

  test.each<[string, PlainVhdxSpec, string]>([
    ['is none of a disk without a parent', dynamic, 'not-differencing'],
    ['cannot be changed without a log', { ...windows, logMib: 0 }, 'format-not-supported'],
    [
      'cannot be changed when a longer locator has no room',
      { ...short, items: [{ ...stampedItem, bytes: new Uint8Array(982_450) }] },
      'block-space-exhausted',
    ],
  ])('%s', async (_, spec, kind) => {
    const files = diskWith(spec);
    expect(await opened(files)).toMatchObject({ ok: false, error: { kind } });
    expect(files.calls).toEqual([]);
  });
});
