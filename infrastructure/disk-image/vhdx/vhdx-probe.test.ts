import { describe, expect, test } from 'vitest';
import { MIB } from '#domain/quantities';
import type { PlainVhdxSpec } from '../../../properties/models/plain-vhdx.js';
import {
  child,
  damaged,
  type DamageOf,
  dynamic,
  IDENTITY,
  inEntry,
  inHeaders,
  inLog,
  PARENT_IDENTITY,
  PATH,
} from '../../../properties/simulation/damaged-vhdx.js';
import { MemoryFileSystem } from '../../../properties/simulation/memory-file-system.js';
import { VhdxImages } from './vhdx-images.js';

const OTHER = 'c4a10f01-d000-4000-8000-0000000000ff';
const imagesOn = (files: MemoryFileSystem): VhdxImages => new VhdxImages(files, 'posix', () => OTHER);

describe('a probe', () => {
  const probed = async (spec: PlainVhdxSpec, damage?: DamageOf) => {
    const { files } = await damaged(spec, damage);
    const answer = await imagesOn(files).probe(PATH);
    expect(files.calls).toEqual([]);
    return answer;
  };
  const elsewhere = 'it is an absolute Windows path, which names nothing on this system';
  const volume = '\\\\?\\Volume{9cdf8dfa-0000-0000-0000-501f00000000}\\Virtual Disks\\base.vhdx';
  const parentCandidates = [
    { source: 'relative_path', stored: '.\\base.vhdx', path: '/vms/base.vhdx', why: null },
    { source: 'volume_path', stored: volume, path: null, why: elsewhere },
    { source: 'absolute_win32_path', stored: 'C:\\Virtual Disks\\base.vhdx', path: null, why: elsewhere },
  ];
  const asChild = {
    path: PATH,
    identity: IDENTITY,
    parentIdentities: [PARENT_IDENTITY],
    parentIsUnreadable: false,
    parentCandidates,
  };
  const log = { state: 'dirty', logGuid: OTHER, holds: ['metadata'] } as const;

  test('names a base, and a child with its parent', async () => {
    expect(await probed(dynamic)).toEqual({ ...asChild, parentIdentities: [], parentCandidates: [] });
    expect(await probed(child)).toEqual(asChild);
  });

  test('names both parents that a child accepts while its parent changes its identity', async () => {
    const parent = { ...child.parent, linkage2: OTHER };
    expect(await probed({ ...child, parent })).toEqual({ ...asChild, parentIdentities: [PARENT_IDENTITY, OTHER] });
  });

  test('names the parent of a child that could not be opened', async () => {
    expect(
      await probed(
        child,
        inEntry('payload', 0, () => 5n),
      ),
    ).toEqual(asChild);
    expect(
      await probed(
        child,
        inHeaders((header) => header.writeBigUInt64LE(1n << 40n, 72)),
      ),
    ).toEqual(asChild);
    expect(
      await probed(
        { ...child, log: { ...log, holds: ['bat'] } },
        inLog((bytes) => bytes.fill(0)),
      ),
    ).toEqual(asChild);
  });

  test('names the parent that is in a dirty log, and one that is in the file still', async () => {
    expect(await probed({ ...child, log })).toEqual(asChild);
    const { files, image } = await damaged({ ...child, log });
    const old = await damaged({ ...child, parent: { ...child.parent, dataWriteGuid: OTHER } });
    const before = new Uint8Array(2 * 65_536);
    await (await old.files.open(PATH, 'read')).read(before, image.metadata.offsetBytes);
    await (await files.open(PATH, 'read-write')).write(before, image.metadata.offsetBytes);
    expect(await imagesOn(files).probe(PATH)).toEqual({ ...asChild, parentIdentities: [OTHER, PARENT_IDENTITY] });
  });

  test('is null for what is no VHDX, or not there', async () => {
    for (const sizeBytes of [0, 7, 4 * MIB]) {
      const files = new MemoryFileSystem();
      files.put(PATH, { sizeBytes, extents: [] });
      expect(await imagesOn(files).probe(PATH)).toBeNull();
    }
    expect(await imagesOn(new MemoryFileSystem()).probe('/nowhere')).toBeNull();
    expect(
      await probed(
        child,
        inHeaders((header) => header.fill(0)),
      ),
    ).toBeNull();
  });
});
