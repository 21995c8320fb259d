/** The log of VHDX: what the plain writer puts into one is what the plain reader applies. FORMATS.md B8 */
import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { HEADERS_AT } from './plain-vhdx-layout.js';
import { findLog } from './plain-vhdx-replay.js';
import { expectSameBytes } from './same-bytes.js';
import {
  checkPlainVhdx,
  imageSource,
  METADATA_PARTS,
  openPlainVhdx,
  openVhdxChain,
  type PlainLog,
  plainVhdxImage,
  type PlainVhdxSpec,
  sealed,
  SparseBytes,
  vhdxGuestBytes,
} from './plain-vhdx.js';
import { sectorContent } from './sector-content.js';

const MIB = 1024 ** 2;
const LOG_GUID = 'e6fc743c-81ed-4fe8-bf54-698ed57ba0b8';
const OTHER_GUID = '89e04fdf-b642-47c6-aaac-2197ac950462';

const base: PlainVhdxSpec = {
  type: 'dynamic',
  dialect: 'windows',
  sizeBytes: 2 * MIB,
  blockSizeBytes: MIB,
  logicalSectorBytes: 512,
  payload: new Map([[1, { state: 6, content: [{ firstSector: 5, bytes: sectorContent(1, 2053) }] }]]),
  dataWriteGuid: '7584f8fb-36d3-4091-afb5-b1afe587bfa8',
};
const child: PlainVhdxSpec = {
  ...base,
  type: 'differencing',
  payload: new Map([
    [
      0,
      {
        state: 7,
        content: [{ firstSector: 9, bytes: sectorContent(0, 9) }],
        bits: [{ firstSector: 9, sectorCount: 1 }],
      },
    ],
    [
      1,
      {
        state: 7,
        content: [{ firstSector: 7, bytes: sectorContent(0, 2055) }],
        bits: [{ firstSector: 7, sectorCount: 1 }],
      },
    ],
  ]),
  slackMib: 3,
  dataWriteGuid: '305abbc8-cef4-45ea-aee8-42ee5c891b06',
  parent: { dataWriteGuid: base.dataWriteGuid, fileName: 'base.vhdx' },
};

const logs = fc.record({
  state: fc.constantFrom('dirty' as const, 'clean' as const),
  logGuid: fc.constant(LOG_GUID),
  holds: fc.subarray([...METADATA_PARTS]),
  before: fc.constantFrom('zeros' as const, 'stale' as const),
  entries: fc.integer({ min: 1, max: 4 }),
  retired: fc.nat(3),
  startBytes: fc.nat(255).map((page) => page * 4096),
  firstSequence: fc.constantFrom(1n, 2n ** 32n - 2n, 5342780450196683125n),
  torn: fc.boolean(),
});

/** A file that has, besides its own, the log entries of `other` in its ring. */
const withEntriesOf = (spec: PlainVhdxSpec, other: PlainVhdxSpec): ReturnType<typeof imageSource> => {
  const [image, ring] = [plainVhdxImage(spec), plainVhdxImage(other)];
  const file = SparseBytes.of(image.extents);
  for (const { offsetBytes, bytes } of ring.extents)
    if (offsetBytes >= ring.log.offsetBytes && offsetBytes < ring.log.offsetBytes + ring.log.lengthBytes)
      file.write(offsetBytes, bytes);
  return imageSource('two logs.vhdx', { sizeBytes: image.sizeBytes, extents: file.extents() });
};
const withLog = (log: Partial<PlainLog>): PlainVhdxSpec => ({
  ...child,
  log: { state: 'dirty', logGuid: LOG_GUID, holds: METADATA_PARTS, ...log },
});

describe('a log that the plain VHDX writer wrote', () => {
  const clean = vhdxGuestBytes(openVhdxChain([child, base].map((spec) => imageSource('', plainVhdxImage(spec)))));
  const shown = (source: ReturnType<typeof imageSource>): Uint8Array =>
    vhdxGuestBytes(openVhdxChain([source, imageSource('base.vhdx', plainVhdxImage(base))]));

  test.prop([logs], { numRuns: 100 })('shows the same disk, whatever is in the log and not yet in its place', (log) => {
    const source = imageSource('', plainVhdxImage({ ...child, log }));
    expectSameBytes(shown(source), clean, 'the disk');
    expect(checkPlainVhdx(source).map(({ kind }) => kind)).toEqual(log.state === 'dirty' ? ['dirty log'] : []);
    const { dirtyLog } = openPlainVhdx(source);
    expect(dirtyLog?.entries.length).toBe(log.state === 'dirty' ? log.entries : undefined);
    if (dirtyLog !== undefined)
      expect(dirtyLog.head.sequence).toBe(log.firstSequence + BigInt(log.retired + log.entries - 1));
  });

  test.prop([logs], { numRuns: 50 })('applied, gives the file byte for byte', (log) => {
    const { view } = openPlainVhdx(imageSource('', plainVhdxImage({ ...child, log: { ...log, state: 'dirty' } })));
    const expected = imageSource('', plainVhdxImage(child));
    const logEnd = 2 * MIB;
    expectSameBytes(
      view.read(192 * 1024, MIB - 192 * 1024),
      expected.read(192 * 1024, MIB - 192 * 1024),
      'the region tables',
    );
    expectSameBytes(
      view.read(logEnd, view.sizeBytes - logEnd),
      expected.read(logEnd, view.sizeBytes - logEnd),
      'the file',
    );
  });

  test('makes the file as long as LastFileOffset says', () => {
    const source = imageSource('', plainVhdxImage(withLog({ fileShorterByMib: 2 })));
    const { view } = openPlainVhdx(source);
    expect(view.sizeBytes - source.sizeBytes).toBe(2 * MIB);
    expect(view.read(view.sizeBytes - 4096, 4096).every((byte) => byte === 0)).toBe(true);
    expectSameBytes(shown(source), clean, 'the disk');
  });

  test.each(['metadata', 'region tables'] as const)('holds %s that the file does not have without it', (part) => {
    const image = plainVhdxImage(withLog({ holds: [part] }));
    const file = SparseBytes.of(image.extents);
    for (const at of HEADERS_AT) file.write(at, sealed(Buffer.from(file.read(at, 4096).fill(0, 48, 64))));
    const unlogged = imageSource('', { ...image, extents: file.extents() });
    expect(checkPlainVhdx(unlogged)).toMatchObject([{ kind: 'unreadable' }]);
  });

  test('ends before an entry with a byte that its checksum does not know', () => {
    const image = plainVhdxImage(withLog({ entries: 2 }));
    const log = (extents: typeof image.extents) =>
      findLog(imageSource('', { ...image, extents }), image.log, LOG_GUID)!;
    const { head } = log(image.extents);
    expect(head.sequence).toBe(2n);
    for (const at of [4, 40, 4000, head.lengthBytes - 2048]) {
      const file = SparseBytes.of(image.extents);
      const place = image.log.offsetBytes + head.ringOffset + at;
      file.write(
        place,
        file.read(place, 1).map((byte) => byte ^ 1),
      );
      expect(log(file.extents()).head.sequence, `byte ${at}`).toBe(1n);
    }
  });

  test('counts only with the LogGuid of the header', () => {
    const two = withEntriesOf(
      withLog({ startBytes: 0 }),
      withLog({ logGuid: OTHER_GUID, startBytes: 512 * 1024, firstSequence: 99n }),
    );
    expect(openPlainVhdx(two).dirtyLog?.head.sequence).toBe(1n);
  });

  test('counts only in the sequence with the greatest last number, when several are whole', () => {
    const older = withLog({ startBytes: 0, firstSequence: 5n, entries: 3, holds: [] });
    const newer = withLog({ startBytes: 512 * 1024, firstSequence: 8n });
    for (const source of [
      withEntriesOf(newer, older),
      withEntriesOf(
        { ...newer, log: { ...newer.log!, startBytes: 0 } },
        { ...older, log: { ...older.log!, startBytes: 512 * 1024 } },
      ),
    ]) {
      expect(openPlainVhdx(source).dirtyLog).toMatchObject({ head: { sequence: 8n } });
      expectSameBytes(shown(source), clean, 'the disk');
    }
  });
});
