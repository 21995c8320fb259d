import { test } from '@fast-check/vitest';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { type PlainVhdxSpec, sealed } from '../../../properties/models/plain-vhdx.js';
import {
  child,
  damaged,
  type DamageOf,
  IDENTITY,
  inFile,
  inHeaders,
  inLog,
  inMetadata,
  inRegionTables,
  opened,
} from '../../../properties/simulation/damaged-vhdx.js';
import { probeVhdx } from './vhdx-probe.js';
import { VhdxImage } from './vhdx-image.js';

const log = { state: 'dirty', logGuid: IDENTITY, holds: ['bat', 'bitmaps', 'metadata', 'region tables'] } as const;
const withLog: PlainVhdxSpec = { ...child, log };

type Change = (bytes: Buffer) => unknown;

/** In the log's only entry, whose checksum is right afterwards. */
const inLogEntry = (change: Change): DamageOf =>
  inLog((bytes) => {
    const lengthBytes = bytes.readUInt32LE(8);
    change(bytes.subarray(0, lengthBytes));
    sealed(bytes.subarray(0, lengthBytes));
  });
const inTable =
  (change: Change): DamageOf =>
  (image, spec) =>
    inFile(image.bat.offsetBytes, 64, change)(image, spec);

describe('a file with any bytes changed, checksums right', () => {
  const places = fc.constantFrom(
    { where: inHeaders, from: 8, length: 72 },
    { where: inRegionTables, from: 8, length: 72 },
    { where: inMetadata, from: 0, length: 224 },
    { where: inMetadata, from: 65_536, length: 600 },
    { where: inTable, from: 0, length: 64 },
    { where: inLogEntry, from: 12, length: 600 },
    { where: inLogEntry, from: 4096, length: 65_536 },
  );
  const values = fc.constantFrom(0, 1, 6, 7, 0x20, 0x7f, 0x80, 0xff);
  const changes = fc.record({ places, at: fc.nat(), value: values });

  test.prop({ changes: fc.array(changes, { minLength: 1, maxLength: 4 }), isDirty: fc.boolean() }, { numRuns: 500 })(
    'is refused, or read within the bounds of the file: nothing throws, and nothing is written',
    async ({ changes, isDirty }) => {
      const { files } = await damaged(isDirty ? withLog : child, (image, spec) =>
        changes
          .filter(({ places: { where } }) => isDirty || where !== inLogEntry)
          .flatMap(({ places: { where, from, length }, at, value }) =>
            where((bytes) => bytes.writeUInt8(value, Math.min(bytes.length - 1, from + (at % length))))(image, spec),
          ),
      );
      const vhdx = await opened(files);
      if (vhdx.ok) {
        const image = new VhdxImage(vhdx.value);
        for (const run of await image.supplied({ start: 0, count: 100_000 })) {
          const some = { start: run.start, count: Math.min(run.count, 3000) };
          const into = new Uint8Array(some.count * vhdx.value.parameters.logicalSectorSize);
          if (run.kind === 'data') await image.read(some, into);
        }
        await image.diskItems();
        await image.inspect();
        if (vhdx.value.geometry.payloadBlocks < 10_000) await image.validate();
      }
      const path = '/vms/disk.vhdx';
      await probeVhdx(await files.open(path, 'read'), path, 'posix');
      expect(files.calls).toEqual([]);
    },
  );
});
