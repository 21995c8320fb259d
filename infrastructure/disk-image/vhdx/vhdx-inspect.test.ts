import { expect, test } from 'vitest';
import type { InspectedStructure } from '#application/ports/disk-image';
import { MIB } from '#domain/quantities';
import { NIL_GUID, type PlainVhdxSpec } from '../../../properties/models/plain-vhdx.js';
import { child, damaged, IDENTITY, opened, PARENT_IDENTITY } from '../../../properties/simulation/damaged-vhdx.js';
import { valueOf } from '../../../properties/simulation/window-merge.js';
import { VhdxImage } from './vhdx-image.js';

const LOG_GUID = 'c4a10f01-d000-4000-8000-00000000000a';

const inspected = async (spec: PlainVhdxSpec): Promise<readonly InspectedStructure[]> =>
  new VhdxImage(valueOf(await opened((await damaged(spec)).files))).inspect();

test('every structure of a child is shown, where it is', async () => {
  const structures = await inspected({ ...child, fileWriteGuid: IDENTITY });
  const [identifier, first, second, log, ...others] = structures;
  expect(identifier).toEqual({
    structure: 'file identifier',
    offsetBytes: 0,
    fields: { creator: 'Microsoft Windows 10.0.19041.0' },
  });
  const header = {
    current: false,
    sequenceNumber: '10',
    fileWriteGuid: IDENTITY,
    dataWriteGuid: IDENTITY,
    logGuid: NIL_GUID,
    logVersion: 0,
    version: 1,
    logLength: MIB,
    logOffset: MIB,
  };
  expect(first).toEqual({ structure: 'header 1', offsetBytes: 65_536, fields: header });
  const current = { ...header, current: true, sequenceNumber: '11' };
  expect(second).toEqual({ structure: 'header 2', offsetBytes: 131_072, fields: current });
  expect(log).toEqual({ structure: 'log', offsetBytes: MIB, fields: { length: MIB, entriesToApply: 0 } });
  expect(others.map(({ structure, offsetBytes }) => [structure, offsetBytes])).toEqual([
    ['region table 1', 196_608],
    ['region table 2', 262_144],
    ['region BAT', 3 * MIB],
    ['region metadata', 2 * MIB],
    ['metadata table', 2 * MIB],
    ['metadata item fileParameters', 2 * MIB + 0x10000],
    ['metadata item virtualDiskSize', 2 * MIB + 0x10008],
    ['metadata item logicalSectorSize', 2 * MIB + 0x10010],
    ['metadata item physicalSectorSize', 2 * MIB + 0x10014],
    ['metadata item virtualDiskId', 2 * MIB + 0x10018],
    ['metadata item parentLocator', 2 * MIB + 0x10028],
    ['BAT', 3 * MIB],
  ]);
  const fieldsOf = (name: string) => others.find(({ structure }) => structure === name)?.fields;
  expect(fieldsOf('metadata item fileParameters')).toMatchObject({ blockSize: MIB, hasParent: true });
  expect(fieldsOf('metadata item parentLocator')).toMatchObject({
    'locator.parent_linkage': `{${PARENT_IDENTITY}}`,
    'locator.relative_path': '.\\base.vhdx',
  });
  expect(fieldsOf('BAT')).toEqual({
    entries: 4097,
    payloadBlocks: 6,
    chunkRatio: 4096,
    allocatedBlocks: 2,
    anchors: 1,
    bitmapBlocks: 1,
    endOfBlocks: 8 * MIB,
  });
});

test('a damaged copy is shown as damaged, and a log that is to be applied with what it holds', async () => {
  const log = { state: 'dirty', logGuid: LOG_GUID, holds: ['bat'], firstSequence: 1n << 60n } as const;
  const structures = await inspected({ ...child, otherHeader: 'damaged', damagedRegionTable: 1, log });
  const fieldsOf = (name: string) => structures.find(({ structure }) => structure === name)?.fields;
  expect(fieldsOf('header 1')).toEqual({ damaged: true });
  expect(fieldsOf('region table 1')).toEqual({ entries: 2 });
  expect(fieldsOf('region table 2')).toEqual({ damaged: true });
  expect(fieldsOf('log')).toMatchObject({ entriesToApply: 1, lastSequenceNumber: '1152921504606846976' });
});

test('items and regions of others are shown by their id', async () => {
  const items = [{ itemId: PARENT_IDENTITY, bytes: new Uint8Array(3), isUser: true }];
  const structures = await inspected({ ...child, items, regions: [{ guid: IDENTITY, lengthMib: 1 }] });
  expect(structures).toContainEqual({
    structure: `region ${IDENTITY}`,
    offsetBytes: expect.any(Number) as number,
    fields: { guid: IDENTITY, length: MIB, required: false },
  });
  expect(structures).toContainEqual({
    structure: `metadata item ${PARENT_IDENTITY}`,
    offsetBytes: expect.any(Number) as number,
    fields: { itemId: PARENT_IDENTITY, length: 3, isUser: true, isVirtualDisk: false, isRequired: false },
  });
});
