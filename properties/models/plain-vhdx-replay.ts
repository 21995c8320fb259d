/**
 * Reads a log and shows the file as it will be once the log is applied; the file itself is not touched. FORMATS.md B8
 *
 * Not by the specification's scan but by what it amounts to: of all entries that are valid, those that follow each other make sequences;
 * a sequence counts when its last entry's tail is one of its entries; of those the one with the greatest last number is active.
 */
import type { ByteSource } from './byte-source.js';
import { crc32c, guidText, NIL_GUID, PAGE_BYTES, REGION_TABLES_AT, roundUp } from './plain-vhdx-layout.js';
import type { PlainRange } from './plain-vhdx-spec.js';

export type FoundDescriptor =
  | { readonly kind: 'zeros'; readonly offsetBytes: number; readonly lengthBytes: number }
  | { readonly kind: 'page'; readonly offsetBytes: number; readonly bytes: Buffer };

export type FoundEntry = {
  readonly ringOffset: number;
  readonly lengthBytes: number;
  readonly tailBytes: number;
  readonly sequence: bigint;
  readonly flushedFileBytes: number;
  readonly lastFileBytes: number;
  readonly descriptors: readonly FoundDescriptor[];
};

export type FoundLog = {
  /** From the tail to the head: what is to be applied, in this order. */
  readonly entries: readonly FoundEntry[];
  readonly head: FoundEntry;
};

const ENTRY_HEADER_BYTES = 64;
const DESCRIPTOR_BYTES = 32;
const ZERO_PAGE = Buffer.alloc(PAGE_BYTES);
/** Zeros that a log of a test may ask for; each page of them is in a map. */
const MOST_ZERO_BYTES = 4 * 1024 ** 3;

/** The active sequence, or undefined when there is none: with a LogGuid that is not zero the file is then corrupt. */
export const findLog = (source: ByteSource, log: PlainRange, logGuid: string): FoundLog | undefined => {
  if (logGuid === NIL_GUID) return undefined;
  const once = source.read(log.offsetBytes, log.lengthBytes);
  const ring = Buffer.concat([once, once]); // An entry may go on at the ring's beginning.
  const entries = new Map<number, FoundEntry>();
  for (let at = 0; at < once.length; at += PAGE_BYTES) {
    const entry = entryAt(ring, at, logGuid);
    if (entry !== undefined) entries.set(at, entry);
  }
  const sequences = [...entries.values()].map((first) => sequenceFrom(first, entries, once.length));
  const valid = sequences.flatMap((sequence): readonly FoundLog[] => {
    const head = sequence.at(-1);
    const tail = sequence.findIndex(({ ringOffset }) => ringOffset === head?.tailBytes);
    return head === undefined || tail < 0 ? [] : [{ head, entries: sequence.slice(tail) }];
  });
  return valid.reduce<FoundLog | undefined>(
    (best, log) => (best === undefined || log.head.sequence > best.head.sequence ? log : best),
    undefined,
  );
};

const sequenceFrom = (
  first: FoundEntry,
  entries: ReadonlyMap<number, FoundEntry>,
  ringBytes: number,
): readonly FoundEntry[] => {
  const sequence = [first];
  let last = first;
  for (let used = first.lengthBytes; ;) {
    const next = entries.get((last.ringOffset + last.lengthBytes) % ringBytes);
    if (next?.sequence !== last.sequence + 1n || used + next.lengthBytes > ringBytes) return sequence;
    used += next.lengthBytes;
    sequence.push(next);
    last = next;
  }
};

/** `ring`: twice the log. */
const entryAt = (ring: Buffer, at: number, logGuid: string): FoundEntry | undefined => {
  const ringBytes = ring.length / 2;
  if (ring.toString('latin1', at, at + 4) !== 'loge') return undefined;
  const lengthBytes = ring.readUInt32LE(at + 8);
  const tailBytes = ring.readUInt32LE(at + 12);
  const count = ring.readUInt32LE(at + 24);
  if (lengthBytes < PAGE_BYTES || lengthBytes % PAGE_BYTES !== 0 || lengthBytes >= ringBytes) return undefined;
  if (tailBytes % PAGE_BYTES !== 0 || tailBytes >= ringBytes) return undefined;
  const bytes = ring.subarray(at, at + lengthBytes);
  const sequence = bytes.readBigUInt64LE(16);
  const headBytes = roundUp(ENTRY_HEADER_BYTES + count * DESCRIPTOR_BYTES, PAGE_BYTES);
  if (guidText(bytes.subarray(32, 48)) !== logGuid || sequence === 0n || headBytes > lengthBytes) return undefined;
  if (crc32c(bytes, 4) !== bytes.readUInt32LE(4)) return undefined;
  const descriptors: FoundDescriptor[] = [];
  let dataAt = headBytes;
  for (let nth = 0; nth < count; nth += 1) {
    const slot = bytes.subarray(ENTRY_HEADER_BYTES + nth * DESCRIPTOR_BYTES).subarray(0, DESCRIPTOR_BYTES);
    const offsetBytes = Number(slot.readBigUInt64LE(16));
    if (slot.readBigUInt64LE(24) !== sequence || offsetBytes % PAGE_BYTES !== 0) return undefined;
    const signature = slot.toString('latin1', 0, 4);
    if (signature === 'zero') {
      const zeroBytes = Number(slot.readBigUInt64LE(8));
      if (zeroBytes % PAGE_BYTES !== 0) return undefined;
      descriptors.push({ kind: 'zeros', offsetBytes, lengthBytes: zeroBytes });
    } else if (signature === 'desc' && dataAt + PAGE_BYTES <= lengthBytes) {
      const page = pageOf(slot, bytes.subarray(dataAt, dataAt + PAGE_BYTES), sequence);
      if (page === undefined) return undefined;
      descriptors.push({ kind: 'page', offsetBytes, bytes: page });
      dataAt += PAGE_BYTES;
    } else return undefined;
  }
  if (dataAt !== lengthBytes) return undefined;
  const [flushedFileBytes, lastFileBytes] = [Number(bytes.readBigUInt64LE(48)), Number(bytes.readBigUInt64LE(56))];
  return { ringOffset: at, lengthBytes, tailBytes, sequence, flushedFileBytes, lastFileBytes, descriptors };
};

const pageOf = (descriptor: Buffer, sector: Buffer, sequence: bigint): Buffer | undefined => {
  const high = BigInt(sector.readUInt32LE(4));
  const low = BigInt(sector.readUInt32LE(PAGE_BYTES - 4));
  if (sector.toString('latin1', 0, 4) !== 'data' || ((high << 32n) | low) !== sequence) return undefined;
  return Buffer.concat([descriptor.subarray(8, 16), sector.subarray(8, PAGE_BYTES - 4), descriptor.subarray(4, 8)]);
};

/** Where a descriptor may not write, in words; undefined when it may. */
export const targetFlaw = (target: FoundDescriptor, log: PlainRange, lastFileBytes: number): string | undefined => {
  const from = target.offsetBytes;
  const to = from + (target.kind === 'page' ? PAGE_BYTES : target.lengthBytes);
  if (from < REGION_TABLES_AT[0]) return `a page at ${from}, before the region tables`;
  if (from < log.offsetBytes + log.lengthBytes && to > log.offsetBytes) return `a page at ${from}, inside the log`;
  return to > lastFileBytes ? `${from}..${to}, beyond LastFileOffset ${lastFileBytes}` : undefined;
};

/** The file with the log applied. Beyond its present end it is zero, up to LastFileOffset. */
export const withLog = (source: ByteSource, { entries, head }: FoundLog): ByteSource => {
  const pages = new Map<number, Buffer>();
  for (const descriptor of entries.flatMap(({ descriptors }) => descriptors)) {
    if (descriptor.kind === 'page') pages.set(descriptor.offsetBytes, descriptor.bytes);
    else {
      const { offsetBytes, lengthBytes } = descriptor;
      if (lengthBytes > MOST_ZERO_BYTES) throw new Error(`${source.path}: its log asks for ${lengthBytes} zeros`);
      for (let at = offsetBytes; at < offsetBytes + lengthBytes; at += PAGE_BYTES) pages.set(at, ZERO_PAGE);
    }
  }
  const sizeBytes = Math.max(source.sizeBytes, head.lastFileBytes);
  return {
    path: source.path,
    sizeBytes,
    read: (offsetBytes, lengthBytes) => {
      if (offsetBytes + lengthBytes > sizeBytes)
        throw new Error(`${source.path} ends before byte ${offsetBytes + lengthBytes}`);
      const bytes = Buffer.alloc(lengthBytes);
      const there = Math.min(lengthBytes, source.sizeBytes - offsetBytes);
      if (there > 0) bytes.set(source.read(offsetBytes, there));
      for (let page = offsetBytes - (offsetBytes % PAGE_BYTES); page < offsetBytes + lengthBytes; page += PAGE_BYTES) {
        const logged = pages.get(page);
        if (logged === undefined) continue;
        const from = Math.max(page, offsetBytes);
        const to = Math.min(page + PAGE_BYTES, offsetBytes + lengthBytes);
        bytes.set(logged.subarray(from - page, to - page), from - offsetBytes);
      }
      return bytes;
    },
  };
};
