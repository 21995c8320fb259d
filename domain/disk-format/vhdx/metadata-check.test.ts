import { describe, expect, it } from 'vitest';
import { KIB, MIB } from '../../quantities.js';
import { NIL_GUID } from './header.js';
import { metadataTableFlaw, parentLocatorFlaw } from './metadata-check.js';
import { ITEM, type MetadataEntry } from './metadata-items.js';

const UNKNOWN = '00010203-0405-0607-0809-0a0b0c0d0e0f';
const CHS_PARAMETERS = 'da02d7bc-3d3a-423c-ac88-2a36ab21479b';
const INCOMPLETE = '71cc85f0-1b69-4e28-9558-c3bf83ae75d3';
const PMEM_LABELS = '10e1ae8a-4b7e-4169-a40f-cd70de928393';

const entry = (changes: Partial<MetadataEntry>): MetadataEntry => ({
  itemId: UNKNOWN,
  offsetBytes: 128 * KIB,
  lengthBytes: 100,
  isUser: false,
  isVirtualDisk: false,
  isRequired: false,
  ...changes,
});
const required: readonly MetadataEntry[] = [
  entry({ itemId: ITEM.fileParameters, offsetBytes: 64 * KIB, lengthBytes: 8, isRequired: true }),
  ...[
    { itemId: ITEM.virtualDiskSize, offsetBytes: 64 * KIB + 8, lengthBytes: 8 },
    { itemId: ITEM.logicalSectorSize, offsetBytes: 64 * KIB + 16, lengthBytes: 4 },
    { itemId: ITEM.physicalSectorSize, offsetBytes: 64 * KIB + 20, lengthBytes: 4 },
    { itemId: ITEM.virtualDiskId, offsetBytes: 64 * KIB + 24, lengthBytes: 16 },
  ].map((known) => entry({ ...known, isRequired: true, isVirtualDisk: true })),
];
/** The required ones and these, in a region of 1 MiB. */
const flawWith = (...more: readonly MetadataEntry[]) => metadataTableFlaw([...required, ...more], MIB)?.flaw ?? 'none';
/** The required ones, one of them changed. */
const flawChanged = (itemId: string, changes: Partial<MetadataEntry>) =>
  metadataTableFlaw(
    required.map((known) => (known.itemId === itemId ? { ...known, ...changes } : known)),
    MIB,
  )?.flaw ?? 'none';

const many = (count: number, isUser: boolean, lengthBytes: number): readonly MetadataEntry[] =>
  Array.from({ length: count }, (_, n) =>
    entry({
      itemId: `${UNKNOWN.slice(0, 32)}${(n + 0x1000).toString(16)}`,
      offsetBytes: lengthBytes === 0 ? 0 : (n + 1) * MIB,
      lengthBytes,
      isUser,
    }),
  );

describe('of metadata items', () => {
  it('each is behind the table and inside the region', () => {
    expect(flawWith(entry({ lengthBytes: MIB - 128 * KIB }))).toBe('none');
    expect(flawWith(entry({ lengthBytes: MIB - 128 * KIB + 1 }))).toBe('metadata-table');
    expect(flawWith(entry({ offsetBytes: 0xffff_ffff, lengthBytes: MIB }))).toBe('metadata-table');
    expect(flawWith(entry({ offsetBytes: 64 * KIB - 1, lengthBytes: 1 }))).toBe('metadata-table');
    expect(flawWith(entry({ offsetBytes: 0, lengthBytes: 1 }))).toBe('metadata-table');
  });

  it('each has 1 MiB at most', () => {
    const long = (lengthBytes: number) =>
      metadataTableFlaw([...required, entry({ offsetBytes: MIB, lengthBytes })], 4 * MIB)?.flaw;
    expect(long(MIB)).toBeUndefined();
    expect(long(MIB + 1)).toBe('metadata-table');
    expect(long(0xffff_ffff)).toBe('metadata-table');
  });

  it('an empty one is nowhere', () => {
    expect(flawWith(entry({ offsetBytes: 0, lengthBytes: 0 }))).toBe('none');
    expect(flawWith(entry({ offsetBytes: 64 * KIB, lengthBytes: 0 }))).toBe('metadata-table');
  });

  it('no two overlap', () => {
    expect(flawWith(entry({ offsetBytes: 64 * KIB + 40 }))).toBe('none');
    expect(flawWith(entry({ offsetBytes: 64 * KIB + 39 }))).toBe('metadata-table');
    expect(flawWith(entry({ offsetBytes: 64 * KIB, lengthBytes: 8 }))).toBe('metadata-table');
    expect(flawWith(entry({}), entry({ isUser: true, offsetBytes: 128 * KIB + 99 }))).toBe('metadata-table');
    expect(flawWith(entry({}), entry({ isUser: true, offsetBytes: 128 * KIB + 100 }))).toBe('none');
  });

  it('each has an id, once among the user’s and once among the others', () => {
    expect(flawWith(entry({ itemId: NIL_GUID }))).toBe('metadata-table');
    const again = entry({ offsetBytes: 256 * KIB });
    expect(flawWith(entry({}), again)).toBe('metadata-table');
    expect(flawWith(entry({}), { ...again, isUser: true })).toBe('none');
    expect(flawWith(entry({ isUser: true }), { ...again, isUser: true })).toBe('metadata-table');
    expect(flawWith(entry({ itemId: ITEM.virtualDiskSize, isUser: true }))).toBe('none');
  });

  it('1024 at most are a user’s, and 1023 others', () => {
    expect(flawWith(...many(1024, true, 0))).toBe('none');
    expect(flawWith(...many(1025, true, 0))).toBe('metadata-table');
    expect(flawWith(...many(1018, false, 0))).toBe('none');
    expect(flawWith(...many(1019, false, 0))).toBe('metadata-table');
  });

  it('the user’s have 40 MiB at most together, and so have the others', () => {
    const total = (items: readonly MetadataEntry[]) =>
      metadataTableFlaw([...required, ...items], 128 * MIB)?.flaw ?? 'none';
    expect(total(many(40, true, MIB))).toBe('none');
    expect(total(many(41, true, MIB))).toBe('metadata-table');
    expect(total(many(39, false, MIB))).toBe('none');
    expect(total(many(40, false, MIB))).toBe('metadata-table');
  });

  it('all are in a region of 128 MiB at most', () => {
    expect(metadataTableFlaw(required, 128 * MIB)).toBeNull();
    expect(metadataTableFlaw(required, 129 * MIB)?.flaw).toBe('metadata-table');
  });
});

describe('an item that is required', () => {
  it('is one that this program knows: the specification’s, or the geometry that Microsoft writes', () => {
    const unknown = { isRequired: true };
    expect(flawWith(entry({ itemId: ITEM.parentLocator, isRequired: true }))).toBe('none');
    expect(flawWith(entry({ ...unknown, itemId: CHS_PARAMETERS }))).toBe('none');
    expect(flawWith(entry(unknown))).toBe('unknown-required-metadata');
    expect(flawWith(entry({ ...unknown, itemId: PMEM_LABELS }))).toBe('unknown-required-metadata');
    expect(flawWith(entry({ itemId: PMEM_LABELS }))).toBe('none');
  });

  it('is never a user’s', () => {
    const user = { isUser: true, isRequired: true };
    expect(flawWith(entry(user))).toBe('unknown-required-metadata');
    expect(flawWith(entry({ ...user, itemId: ITEM.virtualDiskSize }))).toBe('unknown-required-metadata');
    expect(flawWith(entry({ ...user, itemId: CHS_PARAMETERS }))).toBe('unknown-required-metadata');
  });
});

describe('a file', () => {
  it('whose creation was not finished is refused, required mark or not', () => {
    const mark = { itemId: INCOMPLETE, offsetBytes: 0, lengthBytes: 0 };
    expect(flawWith(entry({ ...mark, isRequired: true }))).toBe('incomplete-file');
    expect(flawWith(entry(mark))).toBe('incomplete-file');
    expect(flawWith(entry({ ...mark, isUser: true }))).toBe('none');
  });

  it.each(required)('has the item $itemId, of $lengthBytes bytes, and not a user’s', (known) => {
    const { itemId, lengthBytes } = known;
    const without = required.filter((candidate) => candidate !== known);
    const users = { ...known, isUser: true, isRequired: false };
    expect(metadataTableFlaw(without, MIB)?.flaw).toBe('metadata-missing');
    expect(metadataTableFlaw([...without, users], MIB)?.flaw).toBe('metadata-missing');
    expect(flawChanged(itemId, { lengthBytes: lengthBytes - 1 })).toBe('metadata-missing');
    expect(flawChanged(itemId, { offsetBytes: 512 * KIB, lengthBytes: lengthBytes + 1 })).toBe('metadata-missing');
    expect(flawChanged(itemId, { offsetBytes: 0, lengthBytes: 0 })).toBe('metadata-missing');
  });

  it('need not call its items required', () => {
    for (const { itemId } of required) expect(flawChanged(itemId, { isRequired: false })).toBe('none');
  });

  it('has the disk’s items marked as the disk’s, and its own as its own', () => {
    for (const { itemId, isVirtualDisk } of required) {
      expect(flawChanged(itemId, { isVirtualDisk: !isVirtualDisk })).toBe('metadata-table');
    }
    expect(flawWith(entry({ itemId: ITEM.parentLocator, isVirtualDisk: true }))).toBe('metadata-table');
  });
});

describe('a parent locator', () => {
  const locator = entry({ itemId: ITEM.parentLocator, isRequired: true });

  it('is there in a differencing disk', () => {
    expect(parentLocatorFlaw([...required, locator], true)).toBeNull();
    expect(parentLocatorFlaw(required, true)?.flaw).toBe('metadata-missing');
    expect(parentLocatorFlaw([...required, { ...locator, isUser: true }], true)?.flaw).toBe('metadata-missing');
  });

  it('is not there in another disk', () => {
    expect(parentLocatorFlaw(required, false)).toBeNull();
    expect(parentLocatorFlaw([...required, locator], false)?.flaw).toBe('parent-locator');
  });
});
