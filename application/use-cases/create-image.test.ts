import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { NodeFileSystem } from '#infrastructure/file-system/node-file-system';
import { FileSystemFault } from '../ports/file-system.js';
import { filesInMemory, productPorts } from '../../properties/product/product.js';
import { UNUSED } from '../../properties/models/plain-vhd-layout.js';
import { sectorPlaces } from '../../properties/models/plain-vhd-reader.js';
import { checkPlainVhd, followChain, guestBytes, openPlainVhd } from '../../properties/models/plain-vhd.js';
import { fatal } from '../../properties/models/plain-vhd-check.js';
import { expectSameBytes } from '../../properties/models/same-bytes.js';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
import { FreeLocks } from '../../properties/simulation/free-locks.js';
import { CreateImage } from './create-image.js';

const SECTOR = 512;

/** A disk of a few blocks, with some sectors that hold something. */
const disks = () =>
  fc
    .record({
      sectors: fc.integer({ min: 1, max: 60 }),
      written: fc.array(fc.nat(59), { maxLength: 20 }),
      byte: fc.integer({ min: 1, max: 255 }),
    })
    .map(({ sectors, written, byte }) => {
      const disk = new Uint8Array(sectors * SECTOR);
      // One byte alone, at either end of its sector: found all the same.
      for (const sector of written) if (sector < sectors) disk[sector * SECTOR + (sector % 2) * (SECTOR - 1)] = byte;
      return disk;
    });

describe('a new image', () => {
  const scratch = scratchFolder(folderInMemory());
  // Whom these tests keep off is nobody: only the one about locks takes real ones.
  const create = new CreateImage(productPorts({ files: filesInMemory(), locks: new FreeLocks() }));
  let number = 0;
  const name = (ending: string): string => join(scratch(), `${String(number++)}${ending}`);
  const raw = (content: Uint8Array): string => {
    const path = name('.raw');
    writeFileSync(path, content);
    return path;
  };

  test.prop([disks(), fc.constantFrom('fixed' as const, 'dynamic' as const)], { numRuns: 100 })(
    'shows what the raw file holds, and a dynamic one has only the blocks that are not zero',
    async (disk, type) => {
      const path = name('.vhd');
      const made = await create.create({
        path,
        type,
        blockSizeBytes: 4096,
        logicalSectorSize: 512,
        content: { rawPath: raw(disk) },
      });
      expect(made).toMatchObject({ ok: true, value: { path, type, virtualSizeBytes: disk.length } });
      expectSameBytes(guestBytes(followChain(path)), disk, 'the image');
      expect(checkPlainVhd(path).filter(fatal)).toEqual([]);
      if (type === 'fixed') return;
      const blocks = Array.from({ length: Math.ceil(disk.length / 4096) }, (_, at) =>
        disk.subarray(at * 4096, at * 4096 + 4096),
      );
      expect(used(path).blocks).toBe(blocks.filter((block) => block.some((byte) => byte !== 0)).length);
    },
  );

  test.prop([disks(), fc.array(fc.nat(59), { maxLength: 8 })], { numRuns: 100 })(
    'that is a child shows its raw file and holds only the sectors in which it differs from the parent',
    async (disk, changed) => {
      const [base, child] = [name('.vhd'), name('.vhd')];
      await create.create({
        path: base,
        type: 'dynamic',
        blockSizeBytes: 4096,
        logicalSectorSize: 512,
        content: { rawPath: raw(disk) },
      });
      const wanted = disk.slice();
      const differing = new Set(changed.filter((sector) => (sector + 1) * SECTOR <= disk.length));
      for (const sector of differing) wanted[sector * SECTOR + 7]! ^= 0xff;
      const made = await create.createChild({
        path: child,
        parentPath: base,
        blockSizeBytes: 8192,
        rawPath: raw(wanted),
        roots: [],
      });
      expect(made.ok).toBe(true);
      expectSameBytes(guestBytes(followChain(child)), wanted, 'the child');
      const blocks = new Set([...differing].map((sector) => Math.floor(sector / 16))).size;
      expect(used(child)).toEqual({ blocks, sectors: differing.size });
    },
  );

  it('never takes the place of another file, and leaves no other name behind when it fails', async () => {
    const path = raw(new Uint8Array(512));
    const before = readdirSync(scratch()).sort();
    const made = await create.create({
      path,
      type: 'dynamic',
      blockSizeBytes: 4096,
      logicalSectorSize: 512,
      content: { rawPath: path },
    });
    expect(made).toMatchObject({ ok: false, error: { kind: 'invalid-parameter', path } });
    expect(readdirSync(scratch()).sort()).toEqual(before);
  });

  it('is not there at all when the disk fails under it', async () => {
    const files = new LastNameFails({ native: () => Promise.resolve(null) });
    const path = name('.vhd');
    const content = { rawPath: raw(new Uint8Array(4096).fill(1)) };
    const before = readdirSync(scratch()).sort();
    const made = await new CreateImage(productPorts({ files })).create({
      path,
      type: 'dynamic',
      blockSizeBytes: 4096,
      logicalSectorSize: 512,
      content,
    });
    expect(made).toMatchObject({ ok: false, error: { kind: 'io-failed' } });
    expect(readdirSync(scratch()).sort()).toEqual(before);
  });

  it('that is a child is not made while somebody changes its parent', async () => {
    const ports = productPorts({ files: filesInMemory() });
    const [base, path] = [name('.vhd'), name('.vhd')];
    const content = { sizeBytes: 4096 };
    await create.create({ path: base, type: 'dynamic', blockSizeBytes: 4096, logicalSectorSize: 512, content });
    const child = { path, parentPath: base, blockSizeBytes: 4096, rawPath: null, roots: [] };
    const locks = await ports.locks.lockAll([{ path: base, use: 'write' }]);
    if (!locks.held) throw new Error('the base was not free');
    const made = await new CreateImage(ports).createChild(child);
    expect(made).toMatchObject({ ok: false, error: { kind: 'image-in-use', path: base } });
    expect(existsSync(path)).toBe(false);
    await locks.release();
    expect(await new CreateImage(ports).createChild(child)).toMatchObject({ ok: true });
  });

  it.each([
    ['a raw file of half sectors', 700, /multiple of 512/],
    ['an empty raw file', 0, /not 0/],
  ])('is not made of %s', async (_, bytes, words) => {
    const content = { rawPath: raw(new Uint8Array(bytes)) };
    const made = await create.create({
      path: name('.vhd'),
      type: 'fixed',
      blockSizeBytes: 4096,
      logicalSectorSize: 512,
      content,
    });
    expect(made.ok ? '' : made.error.message).toMatch(words);
  });

  it('that is a child is not made of a raw file of another size', async () => {
    const base = name('.vhd');
    await create.create({
      path: base,
      type: 'dynamic',
      blockSizeBytes: 4096,
      logicalSectorSize: 512,
      content: { sizeBytes: 4096 },
    });
    const rawPath = raw(new Uint8Array(8192));
    const made = await create.createChild({
      path: name('.vhd'),
      parentPath: base,
      blockSizeBytes: 4096,
      rawPath,
      roots: [],
    });
    expect(made.ok ? '' : made.error.message).toMatch(/Expected 4096 bytes.*Found 8192 bytes/);
  });
});

/** The image is complete, and only its own name is missing. */
class LastNameFails extends NodeFileSystem {
  override async link(path: string, newPath: string): Promise<void> {
    if (path.includes('.part.')) throw new FileSystemFault('io', 'link', path);
    await super.link(path, newPath);
  }
}

/** Blocks that have a place in the file, and sectors that their bitmaps name. */
const used = (path: string): { readonly blocks: number; readonly sectors: number } => {
  const vhd = openPlainVhd(path);
  const placeOf = sectorPlaces(vhd);
  const sectors = Array.from({ length: vhd.sizeBytes / SECTOR }, (_, sector) => placeOf(sector));
  const { bat = [] } = vhd.table ?? {};
  return {
    blocks: bat.filter((entry) => entry !== UNUSED).length,
    sectors: sectors.filter((place) => place !== undefined).length,
  };
};
