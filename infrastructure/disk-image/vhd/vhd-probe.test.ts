import { describe, expect, test } from 'vitest';
import { PATH, child, whole, changed, inTable } from '../../../properties/simulation/damaged-vhd.js';
import { MemoryFileSystem } from '../../../properties/simulation/memory-file-system.js';
import { VhdImages } from './vhd-images.js';

describe('a probe', () => {
  const probed = async (file: Uint8Array) => {
    const files = new MemoryFileSystem({ readOnly: new Set() });
    files.put(PATH, file);
    return new VhdImages(files, 'posix').probe(PATH);
  };

  test('names a child and its parent, also when the child could not be opened', async () => {
    const expected = {
      path: PATH,
      identity: child.uniqueId,
      parentIdentities: ['c4a10f01-d000-4000-8000-000000000002'],
      parentIsUnreadable: false,
      parentCandidates: [
        { source: 'W2ru', stored: '.\\base.vhd', path: '/vms/base.vhd', why: null },
        {
          source: 'W2ku',
          stored: 'C:\\Virtual Disks\\base.vhd',
          path: null,
          why: 'it is an absolute Windows path, which names nothing on this system',
        },
      ],
    };
    expect(await probed(whole())).toEqual(expected);
    expect(await probed(changed((file) => file.writeUInt8(1, 512 + 900)))).toEqual(expected);
    expect(await probed(changed(inTable((table) => table.writeUInt32BE(1, 4))))).toEqual(expected);
  });

  test('is null for what is no VHD, or not there', async () => {
    expect(await probed(Buffer.alloc(5000))).toBeNull();
    expect(await probed(Buffer.alloc(0))).toBeNull();
    expect(await new VhdImages(new MemoryFileSystem(), 'posix').probe('/nowhere')).toBeNull();
  });
});
