/** The structures of a VHD that can be read, from FORMATS.md A1, A3, A4 and D. */
import {
  BATMAP_COOKIE,
  bitmapBytes,
  FOOTER_BYTES,
  FOOTER_CHECKSUM_AT,
  HEADER_BYTES,
  HEADER_CHECKSUM_AT,
  LOCATOR_BYTES,
  LOCATORS_AT,
  roundUp,
  SECTOR_BYTES,
  UNUSED,
  vhdChecksum,
} from '../models/plain-vhd-layout.js';
import type { PlainTable, PlainVhd } from '../models/plain-vhd-reader.js';
import type { PatchedFile } from './patched-file.js';
import {
  type Field,
  fieldsOf,
  type Region,
  type StoredPath,
  type StructureMap,
  type Surface,
  twins,
} from './structure-map.js';

const FOOTER_FIELDS = [
  ['Cookie', 0, 8],
  ['Features', 8, 4],
  ['File Format Version', 12, 4],
  ['Data Offset', 16, 8, 1],
  ['Creator Application', 28, 4],
  ['Creator Version', 32, 4],
  ['Original Size', 40, 8, 1],
  ['Current Size', 48, 8, 1],
  ['Cylinders', 56, 2],
  ['Heads', 58, 1],
  ['Disk Type', 60, 4],
  ['Checksum', FOOTER_CHECKSUM_AT, 4],
  ['Unique Id', 68, 8],
  ['Saved State', 84, 1],
  ['Reserved', 85, 1],
] as const;

const HEADER_FIELDS = [
  ['Cookie', 0, 8],
  ['Data Offset', 8, 8],
  ['Table Offset', 16, 8, 1],
  ['Header Version', 24, 4],
  ['Max Table Entries', 28, 4],
  ['Block Size', 32, 4],
  ['Checksum', HEADER_CHECKSUM_AT, 4],
  ['Parent Unique Id', 40, 8],
  ['Parent Time Stamp', 56, 4],
  ['Reserved', 60, 4],
] as const;

const LOCATOR_FIELDS = [
  ['Platform Code', 0, 4],
  ['Platform Data Space', 4, 4],
  ['Platform Data Length', 8, 4],
  ['Reserved', 12, 4],
  ['Platform Data Offset', 16, 8, 1],
] as const;

const BATMAP_FIELDS = [
  ['Cookie', 0, 8],
  ['Offset', 8, 8, 1],
  ['Size', 16, 4, SECTOR_BYTES],
  ['Version', 20, 4],
  ['Checksum', 24, 4],
  ['Marker', 28, 1],
  ['Key hash', 29, 8],
] as const;

/** Entries of the BAT, and bytes of a bitmap, that are fields; the others are like them. */
const MOST_ENTRIES = 12;
const BITMAP_FIELD_BYTES = 4;

export const vhdMap = (file: PatchedFile, vhd: PlainVhd): StructureMap => {
  const surface: Surface = {
    read: (offsetBytes, lengthBytes) => file.bytes(offsetBytes, lengthBytes),
    write: (offsetBytes, bytes) => {
      file.write(bytes, offsetBytes);
    },
  };
  const sealing = (at: number, lengthBytes: number, checksumAt: number) => () => {
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(vhdChecksum(surface.read(at, lengthBytes), checksumAt));
    surface.write(at + checksumAt, sum);
  };
  const { table } = vhd;
  const footer = (name: string, offsetBytes: number): readonly Field[] =>
    fieldsOf(
      {
        structure: `VHD ${name} footer`,
        order: 'big',
        surface,
        offsetBytes,
        seal: sealing(offsetBytes, FOOTER_BYTES, FOOTER_CHECKSUM_AT),
      },
      FOOTER_FIELDS,
    );
  const tailAt = vhd.footer.tailAt;
  if (table === undefined)
    return {
      fields: footer('tail', tailAt),
      regions: [
        { name: 'first sector', offsetBytes: 0, lengthBytes: SECTOR_BYTES },
        { name: 'tail footer', offsetBytes: tailAt, lengthBytes: FOOTER_BYTES },
      ],
      paths: [],
    };
  const sealHeader = sealing(table.headerAt, HEADER_BYTES, HEADER_CHECKSUM_AT);
  const header = { order: 'big', surface, seal: sealHeader } as const;
  const tail = vhd.footer.from === 'head' ? [] : footer('tail', tailAt);
  return {
    fields: [
      ...twins(footer('head', 0), tail),
      ...fieldsOf({ ...header, structure: 'VHD dynamic header', offsetBytes: table.headerAt }, HEADER_FIELDS),
      ...locatorSlots(table).flatMap(({ slot, offsetBytes }) =>
        fieldsOf({ ...header, structure: `VHD parent locator entry ${slot}`, offsetBytes }, LOCATOR_FIELDS),
      ),
      ...tableFields(vhd, table, surface),
    ],
    regions: regionsOf(vhd, table, tailAt),
    paths: pathsOf(vhd, table, surface, sealHeader),
  };
};

const locatorSlots = ({ headerAt }: PlainTable): readonly { readonly slot: number; readonly offsetBytes: number }[] =>
  [0, 1, 2, 3].map((slot) => ({ slot, offsetBytes: headerAt + LOCATORS_AT + slot * LOCATOR_BYTES }));

const tableFields = ({ source, creator }: PlainVhd, table: PlainTable, surface: Surface): readonly Field[] => {
  const { bat, batAt, maxTableEntries, blockSizeBytes } = table;
  const of = { order: 'big', surface } as const;
  const used = bat.flatMap((entry, index) => (entry === UNUSED ? [] : [index])).slice(0, MOST_ENTRIES);
  const indexes = new Set([0, maxTableEntries - 1, ...used]);
  const batmapAt = roundUp(batAt + maxTableEntries * 4, SECTOR_BYTES);
  const hasBatmap =
    creator.startsWith('tap\0') &&
    batmapAt + SECTOR_BYTES <= source.sizeBytes &&
    source.read(batmapAt, 8).toString('latin1') === BATMAP_COOKIE;
  return [
    ...fieldsOf(
      { ...of, structure: 'BAT', offsetBytes: batAt },
      [...indexes].map((index) => [`entry ${index}`, index * 4, 4, SECTOR_BYTES] as const),
    ),
    ...used.flatMap((index) =>
      fieldsOf({ ...of, structure: `bitmap of block ${index}`, offsetBytes: (bat[index] ?? 0) * SECTOR_BYTES }, [
        ['first bits', 0, BITMAP_FIELD_BYTES],
        ['last bits', bitmapBytes(blockSizeBytes) - BITMAP_FIELD_BYTES, BITMAP_FIELD_BYTES],
      ]),
    ),
    ...(hasBatmap
      ? [
          ...fieldsOf({ ...of, structure: 'batmap header', offsetBytes: batmapAt }, BATMAP_FIELDS),
          ...fieldsOf({ ...of, structure: 'batmap', offsetBytes: batmapAt + SECTOR_BYTES }, [['first bits', 0, 4]]),
        ]
      : []),
  ];
};

const regionsOf = ({ parent }: PlainVhd, table: PlainTable, tailAt: number): readonly Region[] => {
  const { bat, batAt, maxTableEntries, blockSizeBytes, headerAt } = table;
  return [
    { name: 'head footer', offsetBytes: 0, lengthBytes: FOOTER_BYTES },
    { name: 'dynamic header', offsetBytes: headerAt, lengthBytes: HEADER_BYTES },
    { name: 'BAT', offsetBytes: batAt, lengthBytes: roundUp(maxTableEntries * 4, SECTOR_BYTES) },
    ...(parent?.locators ?? [])
      .filter(({ lengthBytes }) => lengthBytes > 0)
      .map(({ code, offsetBytes, lengthBytes }) => ({ name: `${code} payload`, offsetBytes, lengthBytes })),
    ...bat.flatMap((entry, index) =>
      entry === UNUSED
        ? []
        : [
            {
              name: `block ${index}`,
              offsetBytes: entry * SECTOR_BYTES,
              lengthBytes: bitmapBytes(blockSizeBytes) + SECTOR_BYTES,
            },
          ],
    ),
    { name: 'tail footer', offsetBytes: tailAt, lengthBytes: FOOTER_BYTES },
  ];
};

const pathsOf = (
  { parent }: PlainVhd,
  { headerAt }: PlainTable,
  surface: Surface,
  seal: () => void,
): readonly StoredPath[] => {
  if (parent === undefined) return [];
  const name = {
    name: 'Parent Unicode Name',
    offsetBytes: headerAt + 64,
    roomBytes: 512,
    encoding: 'utf16be',
    surface,
    seal,
  };
  return [
    { ...name, encoding: 'utf16be' },
    ...parent.locators.map(({ code, offsetBytes, lengthBytes }, slot) => ({
      name: `${code} path`,
      offsetBytes,
      roomBytes: Math.max(lengthBytes, SECTOR_BYTES),
      encoding: code === 'MacX' ? ('utf8' as const) : ('utf16le' as const),
      surface,
      length: {
        structure: `VHD parent locator entry ${slot}`,
        name: 'Platform Data Length',
        offsetBytes: headerAt + LOCATORS_AT + slot * LOCATOR_BYTES + 8,
        lengthBytes: 4,
        order: 'big' as const,
        surface,
        seal,
      },
    })),
  ];
};
