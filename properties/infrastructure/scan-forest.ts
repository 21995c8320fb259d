/** Forests of disks as real files, every disk with an identity of its own, and all that can be wrong with them. */
import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writePlainVhd } from '../models/plain-vhd.js';
import { writePlainVhdx } from '../models/plain-vhdx.js';

const MIB = 1024 * 1024;

/** The n-th identity. */
export const identity = (n: number): string => `f0e57000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;

export interface ForestDisk {
  readonly path: string;
  readonly identity: string;
  /** The parent's identity, and its name beside the child. */
  readonly parent: { readonly identity: string; readonly name: string } | null;
}

/** A small disk without data; the ending of its path says its format. */
export const writeDisk = ({ path, identity: uniqueId, parent }: ForestDisk): void => {
  if (path.endsWith('.vhdx')) {
    const common = {
      ...({ dialect: 'windows', sizeBytes: MIB, blockSizeBytes: MIB, logicalSectorBytes: 512 } as const),
      ...{ payload: new Map(), dataWriteGuid: uniqueId, virtualDiskId: identity(0) },
    };
    if (parent === null) writePlainVhdx(path, { ...common, type: 'dynamic' });
    else
      writePlainVhdx(path, {
        ...common,
        type: 'differencing',
        parent: { dataWriteGuid: parent.identity, fileName: parent.name },
      });
    return;
  }
  const common = {
    ...({ dialect: 'windows', sizeBytes: 2 * MIB, blockSizeBytes: 2 * MIB, timeStamp: 7 } as const),
    ...{ blocks: new Map(), uniqueId },
  };
  if (parent === null) writePlainVhd(path, { ...common, type: 'dynamic' });
  else
    writePlainVhd(path, {
      ...common,
      type: 'differencing',
      parent: { uniqueId: parent.identity, fileName: parent.name, timeStamp: 7 },
    });
};

/** What a scan is to say of one file: the kinds of its troubles, and its parent when that is certain. */
export interface Expected {
  readonly troubles: readonly string[];
  readonly parent: string | null;
}

export interface ManyChains {
  /** By path; a file that is no image is not in it. */
  readonly expected: ReadonlyMap<string, Expected>;
  /** Damaged images. */
  readonly damaged: readonly string[];
}

/**
 * So many chains of so many disks, each in a folder of its own: every second one branches, every fifth is of VHDX, and all but two of ten
 * have something wrong with them.
 */
export const writeManyChains = (folder: string, chains: number, disksEach: number): ManyChains => {
  const expected = new Map<string, Expected>();
  const damaged: string[] = [];
  for (let chain = 0; chain < chains; chain += 1) {
    const at = join(folder, `chain-${String(chain).padStart(3, '0')}`);
    mkdirSync(at, { recursive: true });
    const disks = chainOf(at, chain, disksEach);
    for (const disk of disks) {
      writeDisk(disk);
      const parent = disk.parent === null ? null : join(at, disk.parent.name);
      expected.set(disk.path, { troubles: [], parent });
    }
    const harmed = harm(chain, disks, expected);
    if (harmed !== null) damaged.push(harmed);
  }
  return { expected, damaged };
};

const chainOf = (folder: string, chain: number, count: number): readonly ForestDisk[] => {
  const ending = chain % 5 === 4 ? 'vhdx' : 'vhd';
  const nameOf = (n: number): string => `disk-${String(n).padStart(2, '0')}.${ending}`;
  const numberOf = (n: number): string => identity(1 + chain * count + n);
  return Array.from({ length: count }, (_, n) => {
    // Two branches from the fifth disk on; with the last one the branches end.
    const parent = chain % 2 === 1 && n > 5 && n < count - 1 ? n - 2 : n - 1;
    return {
      path: join(folder, nameOf(n)),
      identity: numberOf(n),
      parent: n === 0 ? null : { identity: numberOf(parent), name: nameOf(parent) },
    };
  });
};

/** What is wrong with the n-th chain; gives the damaged disk, if there is one. */
const harm = (chain: number, disks: readonly ForestDisk[], expected: Map<string, Expected>): string | null => {
  const [middle, leaf, base] = [disks[3]!, disks.at(-1)!, disks[0]!];
  const note = (disk: ForestDisk, trouble: string, parent: string | null = null): null => {
    expected.set(disk.path, { troubles: [trouble], parent });
    return null;
  };
  switch (chain % 10) {
    case 1:
      writeDisk({ ...middle, parent: { ...middle.parent!, name: 'gone.vhd' } });
      return note(middle, 'orphan');
    case 2:
    case 9: {
      truncateSync(leaf.path, 3000);
      // A VHD has a copy of its footer at its start and so keeps its place. The headers of a VHDX are gone.
      const isVhd = leaf.path.endsWith('.vhd');
      note(leaf, 'damaged', isVhd ? expected.get(leaf.path)!.parent : null);
      return leaf.path;
    }
    case 3:
      writeDisk({ ...middle, parent: { ...middle.parent!, identity: identity(0xffffff) } });
      return note(middle, 'broken-link');
    case 4: {
      // The ring is from the base to the third disk and back.
      const third = disks[2]!;
      writeDisk({
        ...base,
        parent: { identity: third.identity, name: third.path.slice(third.path.lastIndexOf('/') + 1) },
      });
      for (const disk of disks.slice(0, 3)) note(disk, 'cycle', expected.get(disk.path)!.parent);
      return null;
    }
    case 5:
      writeFileSync(middle.path, Buffer.alloc(5000, 0x5a));
      expected.delete(middle.path);
      for (const disk of disks) if (disk.parent?.identity === middle.identity) note(disk, 'orphan');
      return null;
    case 6:
      // The checksum of the dynamic header.
      patch(middle.path, 512 + 36, 0xee);
      note(middle, 'damaged', expected.get(middle.path)!.parent);
      return middle.path;
    case 7: {
      const copy = leaf.path.replace('disk-', 'copy-of-');
      copyFileSync(leaf.path, copy);
      expected.set(copy, { ...expected.get(leaf.path)!, troubles: ['copies'] });
      return note(leaf, 'copies', expected.get(leaf.path)!.parent);
    }
    default:
      return null;
  }
};

export const patch = (path: string, position: number, value: number): void => {
  const bytes = readFileSync(path);
  bytes[position] = value;
  writeFileSync(path, bytes);
};
