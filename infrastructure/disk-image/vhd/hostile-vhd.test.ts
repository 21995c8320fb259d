import { test } from '@fast-check/vitest';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { PATH, xen, whole, inFooters, inHeader, inFile, inTable } from '../../../properties/simulation/damaged-vhd.js';
import { MemoryFileSystem } from '../../../properties/simulation/memory-file-system.js';
import { VhdImages } from './vhd-images.js';

describe('a file with any bytes changed, checksums right', () => {
  const places = fc.constantFrom(
    { where: inFooters, length: 512 },
    { where: inHeader, length: 1024 },
    { where: inTable, length: 1024 },
    { where: inFile, length: 8192 },
  );
  const values = fc.constantFrom(0, 1, 0x20, 0x7f, 0x80, 0xff);

  test.prop(
    { changes: fc.array(fc.record({ places, at: fc.nat(), value: values }), { minLength: 1, maxLength: 4 }) },
    { numRuns: 500 },
  )(
    'is refused, or read within the bounds of the file: nothing throws, and nothing is written',
    async ({ changes }) => {
      const file = whole(xen);
      for (const { places, at, value } of changes) {
        places.where((part) => {
          // An earlier change may have moved the table out of the file.
          if (part.length > 0) part.writeUInt8(value, at % Math.min(places.length, part.length));
        })(file);
      }
      const files = new MemoryFileSystem();
      files.put(PATH, file);
      const image = await new VhdImages(files, 'posix').open(PATH);
      if (image.ok) {
        for (const run of await image.value.supplied({ start: 0, count: 32 })) {
          await image.value.read(run, new Uint8Array(run.count * 512));
        }
        await image.value.validate();
        await image.value.inspect();
      }
      expect(files.calls).toEqual([]);
    },
  );
});
