/** The structures of a VHDX that can be read, from FORMATS.md B1 to B8. */
import {
  HEADER_BYTES,
  HEADERS_AT,
  ITEMS,
  KIB,
  MIB,
  PAGE_BYTES,
  REGION_TABLES_AT,
  sealed,
  TABLE_BYTES,
} from '../models/plain-vhdx-layout.js';
import type { PlainVhdx } from '../models/plain-vhdx-reader.js';
import { entriesOf, ringSurface, sealEntry, viewSurface } from './log-surface.js';
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
import {
  DESCRIPTOR_FIELDS,
  ENTRY_FIELDS,
  HEADER_FIELDS,
  ITEM_FIELDS,
  itemFields,
  REGION_FIELDS,
} from './vhdx-fields.js';

/** Of entries that there are many of, as many are fields; the others are like them. */
const MOST_ENTRIES = 12;
const MOST_DESCRIPTORS = 4;

export const vhdxMap = (file: PatchedFile, vhdx: PlainVhdx): StructureMap => {
  const plain: Surface = {
    read: (offsetBytes, lengthBytes) => file.bytes(offsetBytes, lengthBytes),
    write: (offsetBytes, bytes) => {
      file.write(bytes, offsetBytes);
    },
  };
  const view = viewSurface(file, vhdx);
  const sealing = (surface: Surface, at: number, lengthBytes: number) => () => {
    surface.write(at + 4, sealed(surface.read(at, lengthBytes)).subarray(4, 8));
  };
  const header = (nth: 0 | 1): readonly Field[] =>
    fieldsOf(
      {
        structure: `VHDX header ${nth + 1}`,
        order: 'little',
        surface: plain,
        offsetBytes: HEADERS_AT[nth],
        seal: sealing(plain, HEADERS_AT[nth], HEADER_BYTES),
      },
      HEADER_FIELDS,
    );
  const regionTable = (nth: 0 | 1): readonly Field[] => {
    const at = REGION_TABLES_AT[nth];
    const of = {
      structure: `VHDX region table ${nth + 1}`,
      order: 'little',
      surface: view,
      seal: sealing(view, at, TABLE_BYTES),
    } as const;
    return [
      ...fieldsOf({ ...of, offsetBytes: at }, [
        ['Signature', 0, 4],
        ['Checksum', 4, 4],
        ['EntryCount', 8, 4],
      ]),
      ...vhdx.regions.entries.flatMap((_, slot) =>
        fieldsOf(
          { ...of, structure: `${of.structure} entry ${slot}`, offsetBytes: at + 16 + slot * 32 },
          REGION_FIELDS,
        ),
      ),
    ];
  };
  return {
    fields: [
      ...fieldsOf({ structure: 'VHDX file identifier', order: 'little', surface: plain, offsetBytes: 0 }, [
        ['Signature', 0, 8],
      ]),
      ...twins(header(0), header(1)),
      ...twins(regionTable(0), regionTable(1)),
      ...metadataFields(vhdx, view),
      ...batFields(vhdx, view),
      ...logFields(vhdx, ringSurface(file, vhdx)),
    ],
    regions: regionsOf(vhdx),
    paths: pathsOf(vhdx, view),
  };
};

const metadataFields = ({ regions, items }: PlainVhdx, surface: Surface): readonly Field[] => {
  const { offsetBytes } = regions.metadata;
  const of = { structure: 'VHDX metadata table', order: 'little', surface } as const;
  const named = Object.entries(ITEMS);
  return [
    ...fieldsOf({ ...of, offsetBytes }, [
      ['Signature', 0, 8],
      ['EntryCount', 10, 2],
    ]),
    ...items.flatMap((item, slot) => {
      const name = named.find(([, id]) => id === item.itemId)?.[0] ?? item.itemId;
      const at = offsetBytes + item.offsetBytes;
      return [
        ...fieldsOf(
          { ...of, structure: `VHDX metadata entry of ${name}`, offsetBytes: offsetBytes + 32 + slot * 32 },
          ITEM_FIELDS,
        ),
        ...fieldsOf({ ...of, structure: `VHDX metadata item ${name}`, offsetBytes: at }, itemFields(name, item.bytes)),
      ];
    }),
  ];
};

const batFields = (vhdx: PlainVhdx, surface: Surface): readonly Field[] => {
  const { geometry, regions, type, logicalSectorBytes } = vhdx;
  const { payloadBlocks, bitmapBlocks, payloadIndex, bitmapIndex, entryCount, chunkRatio, sectorsPerBlock } = geometry;
  const of = { order: 'little', surface } as const;
  const entry = (name: string, index: number): readonly Field[] =>
    index >= entryCount
      ? []
      : fieldsOf({ ...of, structure: 'VHDX BAT', offsetBytes: regions.bat.offsetBytes + index * 8 }, [
          [name, 0, 8, MIB],
        ]);
  const blocks = Array.from({ length: Math.min(payloadBlocks, MOST_ENTRIES) }, (_, block) => block);
  const chunks = Array.from({ length: Math.min(bitmapBlocks, 2) }, (_, chunk) => chunk);
  return [
    ...blocks.flatMap((block) => entry(`payload block ${block}`, payloadIndex(block))),
    ...entry('last payload block', payloadIndex(payloadBlocks - 1)),
    ...chunks.flatMap((chunk) => entry(`bitmap block ${chunk}`, bitmapIndex(chunk))),
    ...blocks.flatMap((block) => {
      const chunk = Math.floor(block / chunkRatio);
      const { state, offsetBytes } = type === 'differencing' ? vhdx.bitmap(chunk) : { state: 0, offsetBytes: 0 };
      if (state < 6) return [];
      const at = offsetBytes + ((block % chunkRatio) * sectorsPerBlock) / 8;
      return fieldsOf(
        { ...of, structure: `bits of payload block ${block} (sectors of ${logicalSectorBytes})`, offsetBytes: at },
        [
          ['first bits', 0, 4],
          ['last bits', sectorsPerBlock / 8 - 4, 4],
        ],
      );
    }),
  ];
};

const logFields = (vhdx: PlainVhdx, ring: Surface): readonly Field[] =>
  entriesOf(vhdx).flatMap((entry, number) => {
    const seal = (): void => {
      sealEntry(ring, entry, vhdx.header.log.lengthBytes);
    };
    const of = { order: 'little', surface: ring, seal } as const;
    const structure = `VHDX log entry ${number}`;
    return [
      ...fieldsOf({ ...of, structure, offsetBytes: entry.ringOffset }, ENTRY_FIELDS),
      ...entry.descriptors.slice(0, MOST_DESCRIPTORS).flatMap(({ kind, at, dataAt }, nth) => [
        ...fieldsOf({ ...of, structure: `${structure} ${kind} descriptor ${nth}`, offsetBytes: at }, DESCRIPTOR_FIELDS),
        ...(dataAt === null
          ? []
          : fieldsOf({ ...of, structure: `${structure} data sector ${nth}`, offsetBytes: dataAt }, [
              ['Signature', 0, 4],
              ['SequenceHigh', 4, 4],
              ['SequenceLow', 4092, 4],
            ])),
      ]),
    ];
  });

const regionsOf = ({ header, regions, geometry, payload, blockSizeBytes }: PlainVhdx): readonly Region[] => [
  { name: 'file identifier', offsetBytes: 0, lengthBytes: PAGE_BYTES },
  ...HEADERS_AT.map((offsetBytes, nth) => ({ name: `header ${nth + 1}`, offsetBytes, lengthBytes: HEADER_BYTES })),
  ...REGION_TABLES_AT.map((offsetBytes, nth) => ({
    name: `region table ${nth + 1}`,
    offsetBytes,
    lengthBytes: TABLE_BYTES,
  })),
  ...(header.log.lengthBytes === 0
    ? []
    : [{ name: 'log', offsetBytes: header.log.offsetBytes, lengthBytes: 64 * KIB }]),
  { name: 'BAT', offsetBytes: regions.bat.offsetBytes, lengthBytes: PAGE_BYTES },
  { name: 'metadata table', offsetBytes: regions.metadata.offsetBytes, lengthBytes: TABLE_BYTES },
  { name: 'metadata items', offsetBytes: regions.metadata.offsetBytes + TABLE_BYTES, lengthBytes: PAGE_BYTES },
  ...Array.from({ length: Math.min(geometry.payloadBlocks, MOST_ENTRIES) }, (_, block) => ({
    block,
    ...payload(block),
  }))
    .filter(({ state }) => state >= 6)
    .map(({ block, offsetBytes }) => ({
      name: `payload block ${block}`,
      offsetBytes,
      lengthBytes: Math.min(blockSizeBytes, 64 * KIB),
    })),
];

const pathsOf = ({ regions, items }: PlainVhdx, surface: Surface): readonly StoredPath[] => {
  const locator = items.find(({ itemId }) => itemId === ITEMS.parentLocator);
  if (locator === undefined) return [];
  const { bytes } = locator;
  const start = regions.metadata.offsetBytes + locator.offsetBytes;
  return Array.from({ length: bytes.readUInt16LE(18) }, (_, nth) => {
    const at = 20 + nth * 12;
    const [valueAt, roomBytes] = [bytes.readUInt32LE(at + 4), bytes.readUInt16LE(at + 10)];
    const key = bytes.toString('utf16le', bytes.readUInt32LE(at), bytes.readUInt32LE(at) + bytes.readUInt16LE(at + 8));
    return {
      name: `${key} of the parent locator`,
      offsetBytes: start + valueAt,
      roomBytes,
      encoding: 'utf16le' as const,
      surface,
      length: {
        structure: 'VHDX parent locator',
        name: `ValueLength ${nth}`,
        offsetBytes: start + at + 10,
        lengthBytes: 2,
        order: 'little' as const,
        surface,
      },
    };
  });
};
