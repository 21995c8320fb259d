/**
 * qemu-img over what sessions and creations leave. It reads no differencing VHDX, and no sectors of 4096 bytes; and it takes a header
 * that names a log without entries, so that `vhdx-session.crash.test.ts` has to see to that (FORMATS.md §0).
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  checkPlainVhdx,
  fileSource,
  openPlainVhdx,
  openVhdxChain,
  vhdxGuestSha256,
} from '../../../properties/models/plain-vhdx.js';
import { scratchFolder } from '../../../properties/models/scratch-folder.js';
import { describeWithQemu, qemuInfo, qemuRawSha256 } from '../../../properties/qemu.js';
import { PATH } from '../../../properties/simulation/damaged-vhdx.js';
import { keepAll, keepNothing } from '../../../properties/simulation/draws.js';
import { type MemoryFileSystem, PowerLoss } from '../../../properties/simulation/memory-file-system.js';
import {
  diskWith,
  guids,
  openedForWriting,
  stampedChild,
  stampedItem,
  type Writable,
} from '../../../properties/simulation/vhdx-sessions.js';
import { valueOf } from '../../../properties/simulation/window-merge.js';
import { NodeFileSystem } from '../../file-system/node-file-system.js';
import { GuardedFile } from '../guarded-file.js';
import { openVhdx } from './open-vhdx.js';
import { createVhdx } from './vhdx-create.js';
import type { Transaction } from './log-pages.js';
import { VhdxSession } from './vhdx-session.js';

const MIB = 1024 * 1024;
const PAGE_BYTES = 4096;
const qemuImg = (...args: readonly string[]): string =>
  execFileSync('qemu-img', args, { encoding: 'utf8', stdio: 'pipe' });
const check = (path: string, ...options: readonly string[]): string =>
  qemuImg('check', ...options, '--image-opts', `driver=vhdx,file.filename=${path}`);

const sha256OfZeros = (length: number): string => {
  const hash = createHash('sha256');
  for (let done = 0; done < length; done += MIB) hash.update(new Uint8Array(Math.min(MIB, length - done)));
  return hash.digest('hex');
};

const openedOnDisk = async (path: string): Promise<Writable> => {
  const file = new GuardedFile(await new NodeFileSystem().open(path, 'read-write'));
  return { file, vhdx: valueOf(await openVhdx(file, path, 'posix')) };
};

/** Puts blocks behind the file's end, filled, and commits the entries that point to them. */
const fillBlocks = async (
  { vhdx, file }: Writable,
  session: VhdxSession,
  blocks: readonly number[],
): Promise<Transaction> => {
  const { geometry, bat } = vhdx;
  const start = Math.ceil(session.fileLengthBytes / MIB) * MIB;
  await session.growFile(start + blocks.length * geometry.blockSizeBytes);
  const entries = new Map<number, number>();
  for (const [n, block] of blocks.entries()) {
    const offset = start + n * geometry.blockSizeBytes;
    await file.write(new Uint8Array(geometry.blockSizeBytes).fill(0x51 + block), offset);
    entries.set(block, offset + 6);
  }
  await file.flush();
  return { zeros: [], patches: bat.patches(entries) };
};

describeWithQemu('QEMU', () => {
  const folder = scratchFolder();

  test.each(['fixed', 'dynamic'] as const)('finds nothing wrong with a new %s disk, and reads zeros', async (type) => {
    const path = join(folder(), `${type}.vhdx`);
    const virtualSizeBytes = 5 * MIB + 512;
    const disk = { type, virtualSizeBytes, blockSizeBytes: 2 * MIB, logicalSectorSize: 512, parent: null };
    const spec = { ...disk, uniqueId: guids(77)(), timeStampMs: 0 };
    valueOf(await createVhdx(new NodeFileSystem(), path, folder(), spec, 'posix', guids()));
    expect(check(path)).toContain('No errors were found');
    expect(qemuInfo(path)).toMatchObject({ format: 'vhdx', virtualSizeBytes });
    expect(await qemuRawSha256(path)).toBe(sha256OfZeros(virtualSizeBytes));
    expect(checkPlainVhdx(path)).toEqual([]);
  });

  test('reads what a session left in an image of its own, and writes to it', async () => {
    const path = join(folder(), 'by-qemu.vhdx');
    qemuImg('create', '-q', '-f', 'vhdx', '-o', 'block_size=1M,subformat=dynamic', path, '8M');
    const writable = await openedOnDisk(path);
    const newGuid = guids();
    const session = await VhdxSession.begin(writable.vhdx, writable.file, newGuid(), newGuid);
    await session.commit([await fillBlocks(writable, session, [1, 6])]);
    await session.rest();
    await writable.file.close();
    expect(check(path)).toContain('No errors were found');
    expect(await qemuRawSha256(path)).toBe(vhdxGuestSha256(openVhdxChain([path])));
    execFileSync('qemu-io', ['-f', 'vhdx', '-c', 'write -P 3 2M 64k', path], { stdio: 'pipe' });
    const written = openPlainVhdx(fileSource(path));
    expect([written.payload(1).state, written.payload(2).state]).toEqual([6, 6]);
    expect(await qemuRawSha256(path)).toBe(vhdxGuestSha256(openVhdxChain([path])));
  });

  /** Cuts the power after the flush of the last entry, before its pages are written. */
  const cutBehindLastEntry = async (run: (files: MemoryFileSystem) => Promise<void>): Promise<MemoryFileSystem> => {
    const whole = dynamicDisk();
    await run(whole);
    const isInLog = (position = 0): boolean => position >= MIB && position < 2 * MIB;
    const last = whole.calls.findLastIndex(({ operation, position }) => operation === 'write' && isInLog(position));
    const cut = dynamicDisk(last + 2);
    await expect(run(cut)).rejects.toThrow(PowerLoss);
    return cut.restarted({}, keepNothing);
  };
  const item = { ...stampedItem, bytes: new Uint8Array(400 * 1024) };
  const dynamicDisk = (powerLossAt?: number): MemoryFileSystem => {
    const { payload } = stampedChild(512);
    const base = { type: 'dynamic', payload: new Map([...payload].filter(([, { state }]) => state !== 7)) } as const;
    return diskWith(stampedChild(512, { ...base, items: [item] }), powerLossAt === undefined ? {} : { powerLossAt });
  };
  /** So many pages of the item, and nothing that a guest sees. */
  const pagesOf = ({ vhdx }: Writable, number: number, pages: number): Transaction => {
    const entry = vhdx.metadata.find(({ itemId }) => itemId === item.itemId);
    const offsetBytes = vhdx.regions.metadata.fileOffsetBytes + (entry?.offsetBytes ?? 0);
    return { zeros: [], patches: [{ offsetBytes, bytes: new Uint8Array(pages * PAGE_BYTES).fill(number) }] };
  };

  test('replays an entry that a killed session left, its zeros before its pages', async () => {
    const left = await cutBehindLastEntry(async (files) => {
      const writable = await openedForWriting(files);
      const newGuid = guids();
      const session = await VhdxSession.begin(writable.vhdx, writable.file, newGuid(), newGuid);
      const filled = await fillBlocks(writable, session, [2, 3, 4]);
      const bat = writable.vhdx.regions.bat.fileOffsetBytes;
      const entries = new Map([[0, await writable.vhdx.bat.payload(0)]]);
      const kept = writable.vhdx.bat.patches(entries);
      await session.commit([
        { zeros: [{ offsetBytes: bat, lengthBytes: 2 * PAGE_BYTES }], patches: [...kept, ...filled.patches] },
      ]);
    });
    await expectReplayed(left, 'zeros.vhdx', [6, 0, 6, 6, 6]);
  });

  test('replays an entry that goes on at the start of the log, and not the ones before it', async () => {
    const left = await cutBehindLastEntry(async (files) => {
      const writable = await openedForWriting(files);
      const newGuid = guids();
      const session = await VhdxSession.begin(writable.vhdx, writable.file, newGuid(), newGuid);
      for (const number of [1, 2]) await session.commit([pagesOf(writable, number, 99)]);
      const filled = await fillBlocks(writable, session, [1, 4]);
      await session.commit([{ zeros: [], patches: [...pagesOf(writable, 3, 99).patches, ...filled.patches] }]);
    });
    const { dirtyLog } = openPlainVhdx(left.source(PATH));
    expect(dirtyLog!.head.ringOffset + dirtyLog!.head.lengthBytes).toBeGreaterThan(MIB);
    await expectReplayed(left, 'wrapped.vhdx', [6, 6, 2, 0, 6]);
  });

  const expectReplayed = async (left: MemoryFileSystem, name: string, states: readonly number[]): Promise<void> => {
    const path = join(folder(), name);
    writeFileSync(path, left.bytes(PATH));
    const before = openPlainVhdx(left.source(PATH));
    expect(
      states.map((_, block) => before.source.read(before.regions.bat.offsetBytes + 8 * block, 1)[0]! & 7),
    ).not.toEqual(states);
    expect(states.map((_, block) => before.payload(block).state)).toEqual(states);
    const expected = vhdxGuestSha256(openVhdxChain([left.source(PATH)]));
    check(path, '-r', 'all');
    expect(check(path)).toContain('No errors were found');
    const after = openPlainVhdx(path);
    expect(after.dirtyLog).toBeUndefined();
    expect(states.map((_, block) => after.payload(block).state)).toEqual(states);
    expect(after.items.find(({ itemId }) => itemId === item.itemId)).toEqual(
      before.items.find(({ itemId }) => itemId === item.itemId),
    );
    expect(await qemuRawSha256(path)).toBe(expected);
    // The product's own replay ends in the same disk.
    const own = left.restarted({}, keepAll);
    const { vhdx, file } = await openedForWriting(own);
    await (await VhdxSession.begin(vhdx, file, guids(500)(), guids(501))).rest();
    expect(vhdxGuestSha256(openVhdxChain([own.source(PATH)]))).toBe(expected);
  };
});
