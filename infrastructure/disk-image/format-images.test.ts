import { describe, expect, test } from 'vitest';
import type { NewImage } from '#application/ports/disk-image';
import { MIB } from '#domain/quantities';
import { imageBytes, plainVhdImage, type PlainVhdSpec } from '../../properties/models/plain-vhd.js';
import { plainVhdxImage } from '../../properties/models/plain-vhdx.js';
import { child as vhd } from '../../properties/simulation/damaged-vhd.js';
import { child as vhdx, IDENTITY, PARENT_IDENTITY } from '../../properties/simulation/damaged-vhdx.js';
import { MemoryFileSystem } from '../../properties/simulation/memory-file-system.js';
import { RUN_GUID, valueOf } from '../../properties/simulation/window-merge.js';
import { FormatImages } from './format-images.js';

const NEW_GUID = 'c4a10f01-d000-4000-8000-0000000000bb';

/** A disk with these files; `opens` says how often one of them was opened. */
const disk = (contents: Readonly<Record<string, Parameters<MemoryFileSystem['put']>[1]>>) => {
  const files = new MemoryFileSystem();
  for (const [path, content] of Object.entries(contents)) files.put(path, content);
  const paths: string[] = [];
  const open = files.open.bind(files);
  files.open = (path, mode) => {
    paths.push(path);
    return open(path, mode);
  };
  return { files, images: new FormatImages(files, 'posix', () => NEW_GUID), opens: () => paths.length };
};

const aVhd = (spec: PlainVhdSpec = vhd): Uint8Array => imageBytes(plainVhdImage(spec));
const aVhdx = plainVhdxImage(vhdx);

describe('what a file is, its content says', () => {
  test('and never its name', async () => {
    const { images } = disk({ '/a.vhdx': aVhd(), '/b.vhd': aVhdx, '/c': aVhd(), '/d': aVhdx });
    for (const [path, format] of [
      ['/a.vhdx', 'vhd'],
      ['/b.vhd', 'vhdx'],
      ['/c', 'vhd'],
      ['/d', 'vhdx'],
    ] as const) {
      expect(valueOf(await images.open(path)).description.format).toBe(format);
      const destination = valueOf(await images.openDestination(path));
      expect(destination.description.format).toBe(format);
      expect(destination.identityChange === null).toBe(format === 'vhd');
      expect((await images.probe(path))?.identity).toBe(format === 'vhd' ? vhd.uniqueId : IDENTITY);
    }
  });

  test('so that a VHDX whose guest ends its disk with a VHD footer is a VHDX', async () => {
    const { images, files } = disk({ '/disk': aVhdx });
    const footer = aVhd({ ...vhd, type: 'fixed' }).slice(-512);
    await (await files.open('/disk', 'read-write')).write(footer, aVhdx.sizeBytes - 512);
    expect(valueOf(await images.open('/disk')).description.format).toBe('vhdx');
    expect((await images.probe('/disk'))?.identity).toBe(IDENTITY);
  });

  test('and "vhdxfile" at its start makes it never a VHD, whatever else is there', async () => {
    const bytes = Buffer.from(aVhd({ ...vhd, type: 'fixed' }));
    bytes.write('vhdxfile', 0, 'ascii');
    const { images } = disk({ '/disk.vhd': bytes });
    const opened = await images.open('/disk.vhd');
    expect(opened.ok ? 'opened' : opened.error.kind).toBe('damaged-structure');
    expect(await images.probe('/disk.vhd')).toBeNull();
  });

  test('or that it is none', async () => {
    const { images } = disk({ '/empty': new Uint8Array(), '/text': Buffer.alloc(5000, 'text') });
    for (const path of ['/empty', '/text']) {
      const opened = await images.open(path);
      expect(opened.ok ? 'opened' : opened.error.kind).toBe('not-a-virtual-disk');
      expect(await images.probe(path)).toBeNull();
    }
    const absent = await images.open('/absent');
    expect(absent.ok ? 'opened' : absent.error.kind).toBe('file-not-found');
    expect(await images.probe('/absent')).toBeNull();
  });
});

test('a probe opens the file once', async () => {
  for (const content of [aVhd(), aVhdx, Buffer.alloc(5000)]) {
    const { images, opens } = disk({ '/disk': content });
    await images.probe('/disk');
    expect(opens()).toBe(1);
  }
});

describe('a new image', () => {
  const spec: NewImage = {
    type: 'dynamic',
    virtualSizeBytes: 8 * MIB,
    blockSizeBytes: 2 * MIB,
    logicalSectorSize: 512,
    parent: null,
    uniqueId: IDENTITY,
    timeStampMs: 0,
  };

  test.each([
    ['/new.vhd', 'vhd'],
    ['/new.avhd', 'vhd'],
    ['/new.vhdx', 'vhdx'],
    ['/new.AVHDX', 'vhdx'],
  ])('%s is a %s, because its name says so', async (path, format) => {
    const { images } = disk({ '/other': new Uint8Array() });
    expect(valueOf(await images.create(path, spec))).toMatchObject({ format, identity: IDENTITY });
  });
});

describe('a link that is to change', () => {
  test('is one of a VHDX; the parent of a VHD keeps its identity, so that asking for it is a bug', async () => {
    const { images } = disk({ '/a.vhd': aVhd(), '/b.vhdx': aVhdx });
    const link = valueOf(await images.parentLink('/b.vhdx', RUN_GUID));
    expect(link.accepts).toEqual([PARENT_IDENTITY]);
    await link.close();
    await expect(images.parentLink('/a.vhd', RUN_GUID)).rejects.toThrow('Bug');
  });
});

describe('a re-parenting', () => {
  test.each([
    ['VHD', aVhd(), '/disk.vhd'],
    ['VHDX', aVhdx, '/disk.vhdx'],
  ])('of a %s is gone on with by whoever reads its images from the journal', async (_, content, path) => {
    const parentSpec = { type: 'dynamic', virtualSizeBytes: 6 * MIB, blockSizeBytes: 2 * MIB } as const;
    const common = { logicalSectorSize: 512, parent: null, uniqueId: RUN_GUID, timeStampMs: 0 } as const;
    const { images } = disk({ [path]: content });
    const parent = valueOf(await images.create(path.replace('disk', 'other'), { ...parentSpec, ...common }));
    const planned = valueOf(await images.reparenting(path, parent));
    const resumed = images.resumeReparenting(path, planned.images);
    expect(await resumed.state()).toBe('before');
    expect(valueOf(await resumed.apply())).toBe('applied');
    expect(valueOf(await images.open(path)).description.parentIdentities).toEqual([RUN_GUID]);
  });
});
