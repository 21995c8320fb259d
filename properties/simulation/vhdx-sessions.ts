/**
 * Sessions on a small VHDX whose metadata can be told apart: each transaction stamps its number into a metadata item, into pages of a
 * sector bitmap block whose bits mean nothing, and into a BAT entry. What a crash leaves shows which of them are there, and whole.
 */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { GuardedFile } from '../../infrastructure/disk-image/guarded-file.js';
import type { Transaction } from '../../infrastructure/disk-image/vhdx/log-pages.js';
import { openVhdx, type OpenVhdx } from '../../infrastructure/disk-image/vhdx/open-vhdx.js';
import { VhdxSession } from '../../infrastructure/disk-image/vhdx/vhdx-session.js';
import {
  fatalVhdx,
  openPlainVhdx,
  type PlainItem,
  type PlainLog,
  type PlainVhdx,
  plainVhdxImage,
  type PlainVhdxSpec,
} from '../models/plain-vhdx.js';
import { checkStructure } from '../models/plain-vhdx-check.js';
import { child, PATH } from './damaged-vhdx.js';
import type { Draw } from './memory-file.js';
import { type Call, MemoryFileSystem, type MemoryOptions } from './memory-file-system.js';
import { valueOf } from './window-merge.js';

const MIB = 1024 * 1024;
const PAGE_BYTES = 4096;
/** The stamped block is the parent's in the image; its entry gets state 2 and state 0 by turns. */
const STAMPED_BLOCK = 4;
/** A page of the bitmap block that even transactions stamp and odd ones clear, with its neighbours, by a zero descriptor. */
const CLEARED_PAGE = 250;
/** Of the pages that odd transactions stamp, and of those that even ones do: so two transactions make two entries of a log, not one. */
const firstPageOf = (number: number): number => (number % 2 === 1 ? 1 : 120);

/** Of a user, and in two or three pages. */
export const stampedItem: PlainItem = {
  itemId: 'c4a10f01-d000-4000-8000-00000000057a',
  isUser: true,
  isRequired: false,
  bytes: new Uint8Array(5000),
};

/** The child of `damaged-vhdx.ts`, in sectors of either size. */
export const stampedChild = (logicalSectorBytes: 512 | 4096, changes: Partial<PlainVhdxSpec> = {}): PlainVhdxSpec => {
  const payload: PlainVhdxSpec['payload'] = new Map([
    [0, { state: 6 }],
    [1, { state: 7, bits: [{ firstSector: 8, sectorCount: 8 }] }],
    [2, { state: 2 }],
    [5, { state: 3 }],
  ]);
  return { ...child, payload, logicalSectorBytes, items: [stampedItem], ...changes };
};

export const diskWith = (spec: PlainVhdxSpec, options: MemoryOptions = {}): MemoryFileSystem => {
  const files = new MemoryFileSystem(options);
  files.put(PATH, plainVhdxImage(spec));
  return files;
};

/** GUIDs that are never the same in one test. */
export const guids = (first = 1): (() => string) => {
  let next = first;
  return () => `c4a10f01-d000-4000-9000-${String(next++).padStart(12, '0')}`;
};

export type Writable = { readonly vhdx: OpenVhdx; readonly file: GuardedFile };

export const openedForWriting = async (files: MemoryFileSystem, path = PATH): Promise<Writable> => {
  const file = new GuardedFile(await files.open(path, 'read-write'));
  return { file, vhdx: valueOf(await openVhdx(file, path, 'posix')) };
};

export const FILE_WRITE_GUID = 'c4a10f01-d000-4000-a000-000000000001';

export const begun = ({ vhdx, file }: Writable, newGuid = guids()): Promise<VhdxSession> =>
  VhdxSession.begin(vhdx, file, FILE_WRITE_GUID, newGuid);

/** Of a log that was not applied. */
export const dirtyLog: PlainLog = { state: 'dirty', logGuid: guids(900)(), holds: ['bat', 'metadata'] };

/** What each call does, by where it writes: the log is from 1 MiB to 2 MiB. */
export const callWords = (files: MemoryFileSystem, from = 0): readonly string[] =>
  files.calls.slice(from).map(({ operation, position = -1 }) => {
    if (operation !== 'write') return operation;
    if (position < 192 * 1024) return `header ${position / (64 * 1024)}`;
    if (position < MIB) return 'region table';
    return position < 2 * MIB ? `log ${position - MIB}` : 'metadata';
  });

/** Where an image has what is stamped, in bytes from the start of the file. */
export type StampPlaces = { readonly item: number; readonly bitmap: number; readonly batEntry: number };

export const stampPlaces = (spec: PlainVhdxSpec): StampPlaces => {
  const image = plainVhdxImage(spec);
  const { items, bitmap, regions } = openPlainVhdx(diskWith(spec).source(PATH));
  const item = items.find(({ itemId }) => itemId === stampedItem.itemId);
  return {
    item: regions.metadata.offsetBytes + (item?.offsetBytes ?? 0),
    bitmap: bitmap(0).offsetBytes,
    batEntry: image.bat.offsetBytes + 8 * STAMPED_BLOCK,
  };
};

/** The transaction with this number, 1 to 255. It touches `pages` pages of the bitmap block, at most 100, and some others. */
export const stamping = ({ item, bitmap, batEntry }: StampPlaces, number: number, pages: number): Transaction => {
  const page = (n: number) => ({
    offsetBytes: bitmap + n * PAGE_BYTES,
    bytes: new Uint8Array(PAGE_BYTES).fill(number),
  });
  const clears = number % 2 === 1;
  return {
    zeros: clears ? [{ offsetBytes: bitmap + (CLEARED_PAGE - 1) * PAGE_BYTES, lengthBytes: 3 * PAGE_BYTES }] : [],
    patches: [
      { offsetBytes: item, bytes: new Uint8Array(stampedItem.bytes.length).fill(number) },
      ...Array.from({ length: pages }, (_, n) => page(firstPageOf(number) + n)),
      ...(clears ? [] : [page(CLEARED_PAGE)]),
      { offsetBytes: batEntry, bytes: Uint8Array.of(clears ? 2 : 0, 0, 0, 0, 0, 0, 0, 0) },
    ],
  };
};

/**
 * The number of the last transaction that the file has, its log applied. Fails when the file does not open, when something is wrong
 * with it, and when a transaction is there in part.
 */
export const stampIn = async (files: MemoryFileSystem, places: StampPlaces, pages: number): Promise<number> => {
  valueOf(await openVhdx(await files.open(PATH, 'read'), PATH, 'posix'));
  const image = openPlainVhdx(files.source(PATH));
  expect(checkStructure(image).filter(fatalVhdx)).toEqual([]);
  const { view } = image;
  const number = view.read(places.item, 1)[0]!;
  const clears = number % 2 === 1;
  const expected = new Map([
    [places.item, Buffer.alloc(stampedItem.bytes.length, number)],
    ...[number, Math.max(0, number - 1)].map(
      (last) => [places.bitmap + firstPageOf(last) * PAGE_BYTES, Buffer.alloc(pages * PAGE_BYTES, last)] as const,
    ),
    [places.bitmap + CLEARED_PAGE * PAGE_BYTES, Buffer.alloc(PAGE_BYTES, clears ? 0 : number)],
    [places.batEntry, Buffer.of(clears ? 2 : 0, 0, 0, 0, 0, 0, 0, 0)],
  ]);
  const torn = [...expected].filter(([at, bytes]) => !view.read(at, bytes.length).equals(bytes)).map(([at]) => at);
  expect(torn, `parts of transaction ${number} that are not there`).toEqual([]);
  return number;
};

/**
 * The ways in which whole writes since the last flush may have reached the disk or not, 15 at most. What draws for single sectors
 * hardly ever show: a long write that is there, and one before it that is not.
 */
export const wholeWrites = ({ calls }: MemoryFileSystem): readonly Draw[] => {
  const pending = calls.slice(calls.findLastIndex(({ operation }) => operation === 'flush') + 1).slice(-4);
  const before = calls.slice(calls.findLastIndex(({ operation }) => operation === 'flush') + 1).slice(0, -4);
  const sectorsOf = ({ bytes }: Call): number => (bytes === undefined ? 1 : Math.ceil(bytes.length / 512));
  const subsets = pending.length < 2 ? 0 : 2 ** pending.length - 1;
  return Array.from({ length: subsets }, (_, subset) => {
    const kept = [
      ...before.flatMap((call) => Array.from({ length: sectorsOf(call) }, () => 1)),
      ...pending.flatMap((call, n) => Array.from({ length: sectorsOf(call) }, () => (subset >> n) & 1)),
    ];
    let next = 0;
    return () => kept[next++] ?? 0;
  });
};

/** What a reader goes by, apart from headers and log: a change of it would be seen. Bytes are told by their digests. */
export const contentOf = (image: PlainVhdx): unknown => {
  const { geometry, regions, parent, dataWriteGuid } = image;
  const entries = Array.from({ length: geometry.entryCount }, (_, index) => image.batEntry(index));
  const bitmaps = entries.flatMap(({ state, offsetBytes }, index) =>
    state === 6 && index === geometry.bitmapIndex(Math.floor(index / (geometry.chunkRatio + 1)))
      ? [sha1(image.view.read(offsetBytes, 1024 * 1024))]
      : [],
  );
  const items = image.items.map(({ bytes, ...item }) => ({ ...item, bytes: sha1(bytes) }));
  const regionEntries = regions.entries;
  return { entries: entries.filter(({ state }) => state !== 0), bitmaps, items, regionEntries, parent, dataWriteGuid };
};

const sha1 = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');
