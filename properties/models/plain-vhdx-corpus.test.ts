/**
 * The plain VHDX reader, checker and writer against every VHDX that others wrote, except those that take seconds to read
 * (plain-vhdx-corpus.long.ts).
 */
import { describe, expect, test } from 'vitest';
import { describeWithCorpus } from '../corpus.js';
import {
  checkPlainVhdx,
  followVhdxChain,
  openPlainVhdx,
  openVhdxChain,
  type PlainPayload,
  type PlainSectors,
  type PlainVhdx,
  plainVhdxImage,
  type PlainVhdxSpec,
  SparseBytes,
  vhdxGuestSha256,
  vhdxRuns,
} from './plain-vhdx.js';
import { expectSameBytes } from './same-bytes.js';
import { scratchFolder } from './scratch-folder.js';

const MIB = 1024 ** 2;
const BIG_BYTES = 200 * MIB;
/** Ten GiB of disk in a small file. */
const BIG_DISK_BYTES = 8 * 1024 * MIB;

describeWithCorpus('of the corpus', (corpus) => {
  const folder = scratchFolder();
  const images = corpus.images.filter(
    ({ format, containerBytes, virtualSize }) =>
      format === 'vhdx' && containerBytes < BIG_BYTES && virtualSize < BIG_DISK_BYTES,
  );
  const unpackChain = (name: string): Promise<readonly string[]> =>
    corpus.unpack(
      corpus.chainOf(name).map((image) => image.name),
      folder(),
    );

  test('no VHDX is forgotten', () => {
    expect(images.map(({ name }) => name).sort()).toEqual(
      ['ntfs-differential', 'ntfs-fixed', 'ntfs-parent', 'vhdx-log-replay'].map((name) => `${name}.vhdx`),
    );
  });

  test.each(images)(
    '$name is read as the manifest says',
    async (expected) => {
      const chain = openVhdxChain(await unpackChain(expected.name));
      const [leaf] = chain;
      expect(leaf).toMatchObject({
        type: expected.kind.split(',')[0],
        creator: expected.creator,
        sizeBytes: expected.virtualSize,
        blockSizeBytes: expected.blockSize,
      });
      const { dataWriteGuid, virtualDiskId, logGuid, parentLinkage, parentLocator } = expected;
      if (dataWriteGuid !== undefined) expect(leaf?.dataWriteGuid).toBe(dataWriteGuid);
      if (virtualDiskId !== undefined) expect(leaf?.virtualDiskId).toBe(virtualDiskId);
      if (logGuid !== undefined) expect(leaf?.header.logGuid).toBe(logGuid);
      expect(leaf?.parent?.linkages.map((guid) => `{${guid}}`)).toEqual(parentLinkage && [parentLinkage]);
      const pairs = leaf?.parent?.pairs.map(({ key, value }) => [key, value]);
      expect(pairs).toEqual(parentLocator && Object.entries(parentLocator));
      expect(vhdxGuestSha256(chain)).toBe(expected.guestSha256);
    },
    120_000,
  );

  test.each(images)('$name leads to its parents by its locator', async ({ name }) => {
    const paths = await unpackChain(name);
    expect(followVhdxChain(paths[0]!).map(({ source }) => source.path)).toEqual(paths);
  });

  test.each(images)('$name has nothing that the checker complains of, but for a log', async ({ name, kind }) => {
    const [path = ''] = await corpus.unpack([name], folder());
    expect(checkPlainVhdx(path).map((complaint) => complaint.kind)).toEqual(
      kind.includes('dirty log') ? ['dirty log'] : [],
    );
  });

  test('the log that Windows left puts block 0 in its place, and makes three blocks zero', async () => {
    const [path = ''] = await corpus.unpack(['vhdx-log-replay.vhdx'], folder());
    const { dirtyLog, payload, geometry } = openPlainVhdx(path);
    expect(dirtyLog?.entries.map(({ ringOffset, tailBytes }) => [ringOffset, tailBytes])).toEqual([
      [0x5000, 0x1000],
      [0x7000, 0x5000],
    ]);
    expect(dirtyLog?.head).toMatchObject({ sequence: 80117443871106391n, flushedFileBytes: 36 * MIB });
    const states = Array.from({ length: geometry.payloadBlocks }, (_, block) => payload(block));
    expect(states[0]).toEqual({ state: 6, offsetBytes: 4 * MIB, reserved: 0 });
    expect(states.flatMap(({ state }, block) => (state === 2 ? [block] : []))).toEqual([3, 9, 31]);
    expect(states.filter(({ state }) => state === 0)).toHaveLength(28);
  });

  // But for the log, for what Windows leaves in the metadata table behind its last entry, and for the bits beyond the disk's end: in the
  // page of the bitmap that it wrote Windows has set them.
  describe('the plain writer, given what is in it, writes again byte for byte', () => {
    test.each(['ntfs-parent', 'ntfs-fixed', 'ntfs-differential'])('%s.vhdx', async (name) => {
      const [path = ''] = await corpus.unpack([`${name}.vhdx`], folder());
      const vhdx = openPlainVhdx(path);
      const { sizeBytes, extents } = plainVhdxImage(specOf(vhdx));
      expect(sizeBytes).toBe(vhdx.source.sizeBytes);
      const written = SparseBytes.of(extents);
      const { state, offsetBytes } = vhdx.type === 'differencing' ? vhdx.bitmap(0) : { state: 0, offsetBytes: 0 };
      const bitsEnd = offsetBytes + (vhdx.geometry.payloadBlocks * vhdx.geometry.sectorsPerBlock) / 8;
      for (const [from, to] of [
        [0, MIB],
        [2 * MIB, 2 * MIB + 32 + vhdx.items.length * 32],
        ...(state === 0
          ? [[2 * MIB + 64 * 1024, sizeBytes] as const]
          : ([
              [2 * MIB + 64 * 1024, bitsEnd],
              [offsetBytes + 4096, sizeBytes],
            ] as const)),
      ] as const)
        expectSameBytes(written.read(from, to - from), vhdx.source.read(from, to - from), `bytes from ${from} on`);
    });
  });
});

/** The writer's specification of an image that was read. */
const specOf = (vhdx: PlainVhdx): PlainVhdxSpec => {
  const { geometry, parent } = vhdx;
  const payload = new Map<number, PlainPayload>();
  for (let block = 0; block < geometry.payloadBlocks; block += 1) {
    const { state, offsetBytes } = vhdx.payload(block);
    if (state !== 6 && state !== 7) throw new Error(`state ${state} was not expected`);
    const content = [{ firstSector: 0, bytes: vhdx.view.read(offsetBytes, vhdx.blockSizeBytes) }];
    const first = block * geometry.sectorsPerBlock;
    const bits: PlainSectors[] = [];
    for (const { firstSector, sectorCount, place } of vhdxRuns(vhdx, first, first + geometry.sectorsPerBlock))
      if (place !== undefined && state === 7) bits.push({ firstSector: firstSector - first, sectorCount });
    payload.set(block, { state, content, ...(state === 7 ? { bits } : {}) });
  }
  const { sizeBytes, blockSizeBytes, dataWriteGuid, fileWriteGuid, virtualDiskId } = vhdx;
  const common = {
    ...({ dialect: 'windows', sizeBytes, blockSizeBytes, logicalSectorBytes: 512, payload } as const),
    ...{ dataWriteGuid, fileWriteGuid, virtualDiskId, sequenceNumber: vhdx.header.sequenceNumber },
  };
  if (parent === undefined) return { ...common, type: vhdx.type === 'fixed' ? 'fixed' : 'dynamic' };
  const path = parent.pairs.find(({ key }) => key === 'absolute_win32_path')?.value ?? '';
  const cut = path.lastIndexOf('\\');
  return {
    ...common,
    type: 'differencing',
    parent: {
      dataWriteGuid: parent.linkages[0] ?? '',
      fileName: path.slice(cut + 1),
      windowsFolder: path.slice(0, cut),
    },
  };
};
