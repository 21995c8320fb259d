import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { checkPlainVhdx, fatalVhdx, followVhdxChain, openPlainVhdx } from '../models/plain-vhdx.js';
import { qemuOrReason, qemuRawSha256 } from '../qemu.js';
import type { ChainToKill } from './kill-chain.js';
import { identityOf, MIB, type Sectors, writeDisks } from './vhdx-disks.js';
import { expectShows, modelDigest, modelDigestAlone, qemuCheck } from './vhdx-judges.js';

const M = 2048;

/** A file that is being written may be read half old, half new: then nothing was seen. */
const look = (sees: () => boolean): boolean => {
  try {
    return sees();
  } catch {
    return false;
  }
};

/** Does its log hold more than that it is in use? */
const holdsChanges = (path: string): boolean =>
  openPlainVhdx(path).dirtyLog?.entries.some(({ descriptors }) => descriptors.length > 0) === true;

export type VhdxToKill = ChainToKill & {
  /** What must hold at the end, besides what the chain shows. */
  readonly expectAtEnd: () => Promise<void>;
  /** How often QEMU has replayed a dirty log that a kill left. */
  readonly replayedByQemu: () => number;
};

/**
 * The source has a child, which gets another parent; between source and destination is a disk whose locator changes; the
 * destination is dynamic, has blocks of 1 MiB, and grows. Each of its `blocks` gets 128 KiB and a few sectors, from one image or both.
 */
export const vhdxToKill = (folder: string, blocks: number, replays: number): VhdxToKill => {
  const oldMib = blocks - 20;
  const runs = (from: number, to: number): readonly Sectors[] =>
    Array.from({ length: to - from }, (_, n) => from + n).flatMap((block): Sectors[] => [
      [block * M + ((block * 37) % 1024), 256],
      [block * M + 1900, 3],
    ]);
  const [child, source, middle, base] = writeDisks(folder, {
    sectorBytes: 512,
    layers: [
      { type: 'differencing', sizeBytes: (blocks + 4) * MIB, blockMib: 1, data: [[7, 5]] },
      // Its last blocks lie beyond the end of the disks below; of its blocks a few are zero.
      { type: 'differencing', sizeBytes: (blocks + 4) * MIB, blockMib: 2, data: runs(blocks / 2, blocks) },
      { type: 'differencing', sizeBytes: oldMib * MIB, blockMib: 1, data: runs(0, blocks / 2 + 10) },
      {
        type: 'dynamic',
        sizeBytes: oldMib * MIB - 1024,
        blockMib: 1,
        data: Array.from({ length: oldMib / 2 }, (_, n): Sectors => [2 * n * M, 300]),
      },
    ],
  }) as [string, string, string, string];
  const [shownByChild, shownBySource] = [modelDigest(child), modelDigest(source)];
  let replayed = 0;
  const isClaimed = (): boolean => openPlainVhdx(base).dataWriteGuid !== identityOf(3);

  const replayByQemu = async (): Promise<void> => {
    if (replayed >= replays || typeof qemuOrReason() === 'string') return;
    replayed += 1;
    // Apart from the images: the program must not find another disk with the destination's identity.
    const apart = mkdtempSync(join(tmpdir(), 'chainfold-replay-'));
    const copy = join(apart, 'base.vhdx');
    copyFileSync(base, copy);
    qemuCheck(copy, '-r', 'all');
    expect(await qemuRawSha256(copy)).toBe(modelDigestAlone(base));
    rmSync(apart, { recursive: true });
  };

  return {
    source,
    destination: base,
    blocks,
    windowBytes: MIB / 2,
    rate: '16M',
    digest: modelDigest,
    // The link's sequence of FORMATS.md C4, step by step, and growing.
    early: [
      () => look(() => openPlainVhdx(middle).dirtyLog !== undefined),
      () => look(() => openPlainVhdx(middle).parent?.linkages.length === 2),
      () => look(() => openPlainVhdx(base).dirtyLog !== undefined),
      () => look(() => openPlainVhdx(base).dataWriteGuid !== identityOf(3)),
      () =>
        look(() => openPlainVhdx(middle).parent?.linkages.join() === openPlainVhdx(base).dataWriteGuid) && isClaimed(),
      () => look(() => isClaimed() && holdsChanges(base)),
      () => look(() => isClaimed() && openPlainVhdx(base).sizeBytes > oldMib * MIB),
    ],
    late: ['DestinationFinalized', 'MergeVerified', 'ChildReparented', 'ChildReparented'],
    replayedByQemu: () => replayed,
    afterKill: async (kill) => {
      const [found, below] = [openPlainVhdx(middle), openPlainVhdx(base)];
      for (const image of [child, source, middle, base]) expect(checkPlainVhdx(image).filter(fatalVhdx)).toEqual([]);
      if (kill % 3 === 0) {
        expect(modelDigest(source)).toBe(shownBySource);
        expect(modelDigest(child)).toBe(shownByChild);
      }
      if (below.dirtyLog !== undefined) await replayByQemu();
      const links = found.parent?.linkages.length === 2 ? 'both' : 'one';
      const claim = below.dataWriteGuid === identityOf(3) ? 'old' : 'new';
      const size = below.sizeBytes > oldMib * MIB ? 'grown' : 'small';
      return `(${links},${claim},${size}${below.dirtyLog === undefined ? '' : ',dirty'})`;
    },
    expectAtEnd: async () => {
      await expectShows(base, shownBySource);
      await expectShows(source, shownBySource);
      await expectShows(child, shownByChild);
      expect(followVhdxChain(child).map((image) => image.source.path)).toEqual([child, base]);
      expect(openPlainVhdx(middle).dataWriteGuid).toBe(identityOf(2));
    },
  };
};
