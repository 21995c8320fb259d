import { describe, expect, test } from 'vitest';
import type { Result } from '#domain/result';
import type { MergeError } from '#domain/merge-error';
import { ITEM, type MetadataEntry } from '#domain/disk-format/vhdx/metadata-table';
import { checkPlainVhdx, openPlainVhdx, type PlainItem } from '../../../properties/models/plain-vhdx.js';
import { PATH } from '../../../properties/simulation/damaged-vhdx.js';
import { keepNothing } from '../../../properties/simulation/draws.js';
import { diskWith, guids, openedForWriting, stampedChild } from '../../../properties/simulation/vhdx-sessions.js';
import { valueOf } from '../../../properties/simulation/window-merge.js';
import { descriptorsOf, MAX_TRANSACTION_DESCRIPTORS } from './log-pages.js';
import { type ItemChanges, type ItemToPut, type ReplacedItems, replaceItems } from './metadata-store.js';
import type { OpenVhdx } from './open-vhdx.js';
import { VhdxSession } from './vhdx-session.js';

const KIB = 1024;
const idOf = (n: number): string => `c4a10f01-d000-4000-8000-${String(n).padStart(12, '0')}`;
const content = (length: number, fill: number): Uint8Array => new Uint8Array(length).fill(fill);
const userItem = (n: number, length: number): PlainItem => ({
  itemId: idOf(n),
  isUser: true,
  isRequired: false,
  bytes: content(length, n),
});
const putItem = (n: number, length: number, fill = n + 100): ItemToPut => ({
  itemId: idOf(n),
  isUser: true,
  isVirtualDisk: false,
  isRequired: false,
  content: content(length, fill),
});

const opened = async (items: readonly PlainItem[]) => {
  const files = diskWith(stampedChild(512, { items }));
  return { files, ...(await openedForWriting(files)) };
};

/** The items of a user that a change leaves, first what they were. Between the transactions the file says what it said before. */
const changed = async (items: readonly PlainItem[], changesOf: (vhdx: OpenVhdx) => ItemChanges) => {
  const { files, vhdx, file } = await opened(items);
  const { transactions, metadata } = valueOf(replaceItems(vhdx, changesOf(vhdx)));
  expect(files.calls).toEqual([]);
  expect(transactions.every((each) => descriptorsOf(each) <= MAX_TRANSACTION_DESCRIPTORS)).toBe(true);
  const newGuid = guids();
  const session = await VhdxSession.begin(vhdx, file, newGuid(), newGuid);
  const itemsIn = () => openPlainVhdx(files.restarted({}, keepNothing).source(PATH)).items;
  const before = itemsIn();
  for (const transaction of transactions) {
    expect(itemsIn()).toEqual(before);
    await session.commit([transaction]);
  }
  await session.rest();
  expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
  const after = itemsIn();
  expect(after).toMatchObject(
    metadata.map(({ itemId, offsetBytes, isUser, isVirtualDisk, isRequired }) => ({
      itemId,
      offsetBytes,
      isUser,
      isVirtualDisk,
      isRequired,
    })),
  );
  const sum = (item: (typeof after)[number]) => [item.itemId, item.bytes.length, item.bytes[0], item.bytes.at(-1)];
  const ofUsers = after.filter(({ isUser }) => isUser);
  const ofPrograms = (list: typeof after) => list.filter(({ isUser }) => !isUser);
  expect(ofPrograms(after)).toEqual(ofPrograms(before));
  return { before, items: ofUsers.map(sum), offsets: ofUsers.map(({ offsetBytes }) => offsetBytes), transactions };
};

const offsetIn = (entries: readonly Pick<MetadataEntry, 'itemId' | 'offsetBytes'>[], n: number): number | undefined =>
  entries.find(({ itemId }) => itemId === idOf(n))?.offsetBytes;

describe('a metadata item', () => {
  test('of the same length or shorter changes in its place, in one transaction', async () => {
    const { before, items, offsets, transactions } = await changed([userItem(1, 5000), userItem(2, 700)], () => ({
      remove: [],
      put: [putItem(1, 5000), putItem(2, 600)],
    }));
    expect(items).toEqual([
      [idOf(1), 5000, 101, 101],
      [idOf(2), 600, 102, 102],
    ]);
    expect(offsets).toEqual([offsetIn(before, 1), offsetIn(before, 2)]);
    expect(transactions).toHaveLength(1);
  });

  test('that is longer goes to unused space together with the table; another one comes, one goes, one becomes empty', async () => {
    const { before, items, offsets, transactions } = await changed(
      [userItem(1, 50), userItem(2, 700), userItem(3, 900), userItem(4, 10)],
      ({ metadata }) => ({
        remove: metadata.filter(({ itemId }) => itemId === idOf(2)),
        put: [putItem(1, 800), putItem(5, 30), putItem(4, 0)],
      }),
    );
    expect(items).toEqual([
      [idOf(1), 800, 101, 101],
      [idOf(3), 900, 3, 3],
      [idOf(4), 0, undefined, undefined],
      [idOf(5), 30, 105, 105],
    ]);
    expect(offsets[1]).toBe(offsetIn(before, 3));
    expect(offsets[2]).toBe(0);
    // Not where the one that goes is: it is whole until the table is changed.
    for (const offset of [offsets[0]!, offsets[3]!]) expect(offset).toBeGreaterThan(offsetIn(before, 4)!);
    expect(transactions).toHaveLength(1);
  });

  test('too large for one transaction is written to unused space first, a piece at a time', async () => {
    const { before, items, offsets, transactions } = await changed([userItem(1, 200)], () => ({
      remove: [],
      put: [putItem(1, 200), putItem(2, 520 * KIB)],
    }));
    expect(items).toEqual([
      [idOf(1), 200, 101, 101],
      [idOf(2), 520 * KIB, 102, 102],
    ]);
    expect(offsets[0]).toBe(offsetIn(before, 1));
    expect(transactions).toHaveLength(4);
  });

  test('goes to unused space too when all in their places are more than one transaction holds', async () => {
    const { vhdx } = await opened([userItem(1, 260 * KIB), userItem(2, 260 * KIB)]);
    const { regions } = vhdx;
    const longer = { ...vhdx, regions: { ...regions, metadata: { ...regions.metadata, lengthBytes: 2048 * KIB } } };
    const put = [putItem(1, 260 * KIB), putItem(2, 260 * KIB)];
    const { transactions, metadata } = valueOf(replaceItems(longer, { remove: [], put }));
    expect(transactions).toHaveLength(5);
    const end = Math.max(...vhdx.metadata.map(({ offsetBytes, lengthBytes }) => offsetBytes + lengthBytes));
    for (const n of [1, 2]) expect(offsetIn(metadata, n)).toBeGreaterThanOrEqual(end);
    expect(transactions.at(-1)?.patches).toHaveLength(1);
  });

  test('of a user is not that of a program with the same id', async () => {
    const { items } = await changed([{ ...userItem(1, 10), itemId: ITEM.virtualDiskSize }], () => ({
      remove: [],
      put: [{ ...putItem(2, 8), itemId: ITEM.virtualDiskSize }],
    }));
    expect(items).toEqual([[ITEM.virtualDiskSize, 8, 102, 102]]);
  });
});

describe('a change of metadata is refused', () => {
  const refusalOf = async (
    items: readonly PlainItem[],
    changes: ItemChanges,
  ): Promise<Result<ReplacedItems, MergeError>> => replaceItems((await opened(items)).vhdx, changes);

  test('when the region has no room', async () => {
    const full = [userItem(1, 900 * KIB)];
    expect(await refusalOf(full, { remove: [], put: [putItem(2, 59 * KIB)] })).toMatchObject({ ok: true });
    const answer = await refusalOf(full, { remove: [], put: [putItem(2, 60 * KIB)] });
    expect(answer).toMatchObject({ ok: false, error: { kind: 'block-space-exhausted', path: PATH } });
    // In its place it would be torn: it is more than a transaction holds.
    expect(await refusalOf(full, { remove: [], put: [putItem(1, 900 * KIB)] })).toMatchObject({ ok: false });
  });

  test('when the table has no room', async () => {
    const put = Array.from({ length: 1025 }, (_, n) => putItem(n + 1, 1));
    expect(await refusalOf([], { remove: [], put: put.slice(1) })).toMatchObject({ ok: true });
    const answer = await refusalOf([], { remove: [], put });
    expect(answer).toMatchObject({ ok: false, error: { kind: 'block-space-exhausted' } });
    expect(!answer.ok && answer.error.message).toContain('it would have 1025');
  });
});
