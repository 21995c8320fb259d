import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { expect, test } from 'vitest';
import { decodeDiskParameters } from '#domain/disk-format/vhdx/disk-parameters';
import { decodeCreator, encodeFileIdentifier, hasVhdxSignature } from '#domain/disk-format/vhdx/file-identifier';
import {
  chooseHeader,
  decodeHeader,
  encodeHeader,
  HEADER_BYTES,
  HEADER_OFFSETS,
  logExtent,
  NIL_GUID,
} from '#domain/disk-format/vhdx/header';
import {
  decodeMetadataTable,
  encodeMetadataTable,
  METADATA_TABLE_BYTES,
  parentLocatorFlaw,
} from '#domain/disk-format/vhdx/metadata-table';
import {
  chooseRegionTable,
  encodeRegionTable,
  REGION_TABLE_BYTES,
  REGION_TABLE_OFFSETS,
} from '#domain/disk-format/vhdx/region-table';
import { MIB } from '#domain/quantities';
import { type CorpusImage, describeWithCorpus } from '../corpus.js';

/** The first bytes of a packed image: some have hundreds of MiB. */
const startOf = async (image: CorpusImage, lengthBytes: number): Promise<Uint8Array> => {
  const start = new Uint8Array(lengthBytes);
  const packed = createReadStream(join(process.env.CHAINFOLD_CORPUS ?? '', image.file));
  let length = 0;
  for await (const chunk of packed.pipe(createGunzip()) as AsyncIterable<Uint8Array>) {
    start.set(chunk.subarray(0, lengthBytes - length), length);
    length += chunk.length;
    if (length >= lengthBytes) break;
  }
  packed.destroy();
  return start;
};

describeWithCorpus('of files that other programs wrote', (corpus) => {
  const images = corpus.images.filter(({ format }) => format === 'vhdx');
  /** The structures of all of them lie in front of this. */
  const FRONT_BYTES = 4 * MIB;

  test.each(images)('$name has structures that encode to the bytes they were read from', async (image) => {
    const file = await startOf(image, FRONT_BYTES);
    const piece = (offset: number, length: number) => file.subarray(offset, offset + length);
    const same = (encoded: Uint8Array, offset: number) => Buffer.compare(encoded, piece(offset, encoded.length)) === 0;
    expect(hasVhdxSignature(file)).toBe(true);
    expect(decodeCreator(file).trimEnd()).toBe(image.creator.replace(/^d2v .*/, 'd2v'));
    expect(same(encodeFileIdentifier(decodeCreator(file)), 0)).toBe(true);

    const [first, second] = HEADER_OFFSETS.map((offset) => piece(offset, HEADER_BYTES));
    const choice = chooseHeader(first!, second!, image.containerBytes);
    if (!choice.ok) throw new Error(JSON.stringify(choice.error));
    expect(choice.value).toMatchObject({ otherIsValid: true, warnings: [] });
    for (const offset of HEADER_OFFSETS) {
      expect(same(encodeHeader(decodeHeader(piece(offset, HEADER_BYTES))!), offset)).toBe(true);
    }
    const { header } = choice.value;
    expect(header.logGuid).toBe(image.logGuid ?? NIL_GUID);
    if (image.dataWriteGuid !== undefined) expect(header.dataWriteGuid).toBe(image.dataWriteGuid);

    const [one, two] = REGION_TABLE_OFFSETS.map((offset) => piece(offset, REGION_TABLE_BYTES));
    const tables = chooseRegionTable(one!, two!, { fileSizeBytes: image.containerBytes, log: logExtent(header) });
    if (!tables.ok) throw new Error(JSON.stringify(tables.error));
    expect(tables.value.damagedCopies).toEqual([]);
    for (const offset of REGION_TABLE_OFFSETS) expect(same(encodeRegionTable(tables.value.entries), offset)).toBe(true);

    const { fileOffsetBytes: region, lengthBytes } = tables.value.metadata;
    const metadata = decodeMetadataTable(piece(region, METADATA_TABLE_BYTES), lengthBytes);
    if (!metadata.ok) throw new Error(JSON.stringify(metadata.error));
    const read = 32 + 32 * metadata.value.length;
    expect(same(encodeMetadataTable(metadata.value).subarray(0, read), region)).toBe(true);

    const parameters = decodeDiskParameters((itemId) => {
      const entry = metadata.value.find((item) => item.itemId === itemId)!;
      return piece(region + entry.offsetBytes, entry.lengthBytes);
    });
    if (!parameters.ok) throw new Error(JSON.stringify(parameters.error));
    expect(parameters.value).toMatchObject({
      blockSizeBytes: image.blockSize,
      virtualSizeBytes: image.virtualSize,
      hasParent: image.parent !== null,
      leaveBlockAllocated: image.kind.startsWith('fixed'),
      ...(image.virtualDiskId === undefined ? {} : { virtualDiskId: image.virtualDiskId }),
    });
    expect(parentLocatorFlaw(metadata.value, parameters.value.hasParent)).toBeNull();
  });

  test('the list has every kind of disk, and the two equal headers of Disk2VHD', async () => {
    expect(new Set(images.map(({ kind }) => kind.split(/[^a-z]/)[0]))).toEqual(
      new Set(['fixed', 'dynamic', 'differencing']),
    );
    const file = await startOf(corpus.image('test-disk2vhd.vhdx'), MIB);
    const [first, second] = HEADER_OFFSETS.map((offset) => file.subarray(offset, offset + HEADER_BYTES));
    expect(first).toEqual(second);
    expect(decodeHeader(first!)?.sequenceNumber).toBe(1n);
  });
});
