/**
 * A VHDX seen and changed through its log: what a dirty log holds is changed there, because that is what a reader sees, and the
 * log's entries are made right again afterwards. FORMATS.md B8
 */
import { crc32c, PAGE_BYTES, roundUp } from '../models/plain-vhdx-layout.js';
import type { PlainVhdx } from '../models/plain-vhdx-reader.js';
import type { PatchedFile } from './patched-file.js';
import type { Surface } from './structure-map.js';

/** Entry header, descriptors, then data sectors; each place is an offset from the log's start, and wraps at its end. */
export type LogEntryPlace = {
  readonly ringOffset: number;
  readonly lengthBytes: number;
  readonly descriptors: readonly {
    readonly kind: 'page' | 'zeros';
    readonly at: number;
    readonly dataAt: number | null;
  }[];
};

/** The log's own bytes, by offset in the ring. */
export const ringSurface = (file: PatchedFile, { header }: PlainVhdx): Surface => {
  const { offsetBytes: start, lengthBytes: ringBytes } = header.log;
  const pieces = (offset: number, length: number): readonly (readonly [at: number, from: number, to: number])[] => {
    const at = offset % ringBytes;
    const first = Math.min(length, ringBytes - at);
    return first === length
      ? [[start + at, 0, length]]
      : [
          [start + at, 0, first],
          [start, first, length],
        ];
  };
  return {
    read: (offset, length) => Buffer.concat(pieces(offset, length).map(([at, from, to]) => file.bytes(at, to - from))),
    write: (offset, bytes) => {
      for (const [at, from, to] of pieces(offset, bytes.length)) file.write(bytes.subarray(from, to), at);
    },
  };
};

export const entriesOf = ({ dirtyLog, header }: PlainVhdx): readonly LogEntryPlace[] =>
  (dirtyLog?.entries ?? []).map(({ ringOffset, lengthBytes, descriptors }) => {
    let dataAt = ringOffset + roundUp(64 + descriptors.length * 32, PAGE_BYTES);
    return {
      ringOffset,
      lengthBytes,
      descriptors: descriptors.map(({ kind }, nth) => {
        const at = (ringOffset + 64 + nth * 32) % header.log.lengthBytes;
        if (kind === 'zeros') return { kind, at, dataAt: null };
        const place = { kind, at, dataAt: dataAt % header.log.lengthBytes };
        dataAt += PAGE_BYTES;
        return place;
      }),
    };
  });

/** CRC-32C over as many bytes as the entry says it has, or over those that it had. */
export const sealEntry = (ring: Surface, { ringOffset, lengthBytes }: LogEntryPlace, ringBytes: number): void => {
  const said = ring.read(ringOffset + 8, 4).readUInt32LE();
  const isPossible = said >= PAGE_BYTES && said <= ringBytes && said % PAGE_BYTES === 0;
  const bytes = ring.read(ringOffset, isPossible ? said : lengthBytes);
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32c(bytes, 4));
  ring.write(ringOffset + 4, sum);
};

type LoggedPage = { readonly descriptorAt: number; readonly dataAt: number; readonly entry: LogEntryPlace };

/** What the image's reader sees: pages that the log holds are changed in the log, all others in the file. */
export const viewSurface = (file: PatchedFile, vhdx: PlainVhdx): Surface => {
  const ring = ringSurface(file, vhdx);
  const pages = new Map<number, LoggedPage>();
  entriesOf(vhdx).forEach((entry, number) => {
    entry.descriptors.forEach(({ at, dataAt }, nth) => {
      const target = vhdx.dirtyLog?.entries[number]?.descriptors[nth]?.offsetBytes;
      if (dataAt !== null && target !== undefined) pages.set(target, { descriptorAt: at, dataAt, entry });
    });
  });
  const eachByte = (offset: number, length: number, use: (surface: Surface, at: number, nth: number) => void): void => {
    const plain: Surface = {
      read: (at, count) => file.bytes(at, count),
      write: (at, bytes) => {
        file.write(bytes, at);
      },
    };
    for (let nth = 0; nth < length; nth += 1) {
      const within = (offset + nth) % PAGE_BYTES;
      const page = pages.get(offset + nth - within);
      if (page === undefined) use(plain, offset + nth, nth);
      else use(ring, placeInLog(page, within), nth);
    }
  };
  return {
    read: (offset, length) => {
      const bytes = vhdxBytes(file, pages, offset, length);
      if (bytes !== null) return bytes;
      const into = Buffer.alloc(length);
      eachByte(offset, length, (surface, at, nth) => {
        into.writeUInt8(surface.read(at, 1).readUInt8(), nth);
      });
      return into;
    },
    write: (offset, bytes) => {
      eachByte(offset, bytes.length, (surface, at, nth) => {
        surface.write(at, bytes.subarray(nth, nth + 1));
      });
      const touched = new Set<LogEntryPlace>();
      for (let page = offset - (offset % PAGE_BYTES); page < offset + bytes.length; page += PAGE_BYTES) {
        const entry = pages.get(page)?.entry;
        if (entry !== undefined) touched.add(entry);
      }
      for (const entry of touched) sealEntry(ring, entry, vhdx.header.log.lengthBytes);
    },
  };
};

/** The bytes when none of their pages is in the log: the usual case, and much quicker. */
const vhdxBytes = (
  file: PatchedFile,
  pages: ReadonlyMap<number, LoggedPage>,
  offset: number,
  length: number,
): Buffer | null => {
  for (let page = offset - (offset % PAGE_BYTES); page < offset + length; page += PAGE_BYTES)
    if (pages.has(page)) return null;
  return file.bytes(offset, length);
};

/** Bytes 0 to 7 and 4092 to 4095 of a page are in its descriptor, those between in its data sector. */
const placeInLog = ({ descriptorAt, dataAt }: LoggedPage, within: number): number => {
  if (within < 8) return descriptorAt + 8 + within;
  return within < PAGE_BYTES - 4 ? dataAt + within : descriptorAt + 4 + within - (PAGE_BYTES - 4);
};
