/**
 * Writes a log: entries in a ring that hold pages of metadata. FORMATS.md B8
 */
import { guidBytes, MIB, PAGE_BYTES, roundDown, roundUp, sealed } from './plain-vhdx-layout.js';
import type { PlainLog, PlainRange } from './plain-vhdx-spec.js';

export type LoggedPage = { readonly offsetBytes: number; readonly bytes: Uint8Array };

export type LogContent = {
  /** Cleared before any page is written. */
  readonly zeros: readonly PlainRange[];
  readonly pages: readonly LoggedPage[];
};

/** One entry, before it has its place in the ring. */
type Entry = LogContent & { readonly sequence: bigint; readonly tailBytes: number };

const ENTRY_HEADER_BYTES = 64;
const DESCRIPTOR_BYTES = 32;

export const entryBytes = ({ zeros, pages }: LogContent): number =>
  roundUp(ENTRY_HEADER_BYTES + DESCRIPTOR_BYTES * (zeros.length + pages.length), PAGE_BYTES) +
  pages.length * PAGE_BYTES;

/**
 * The ring's parts, by their offset in it. Retired entries name themselves as tail, the active ones name the first of them.
 * `sizes`: what the file is known to have, and what its structures need.
 */
export const ringParts = (
  log: PlainLog,
  ringBytes: number,
  content: { readonly retired: LogContent; readonly active: LogContent; readonly torn: LogContent },
  sizes: { readonly flushedBytes: number; readonly lastBytes: number },
): readonly LoggedPage[] => {
  const parts: LoggedPage[] = [];
  let sequence = log.firstSequence ?? 1n;
  let at = log.startBytes ?? 0;
  let used = 0;
  const put = (entry: LogContent, tailBytes: number, lengthBytes = entryBytes(entry)): void => {
    const bytes = encodeEntry(log, { ...entry, sequence, tailBytes }, sizes).subarray(0, lengthBytes);
    for (let done = 0; done < bytes.length; done += PAGE_BYTES)
      parts.push({ offsetBytes: (at + done) % ringBytes, bytes: bytes.subarray(done, done + PAGE_BYTES) });
    at = (at + bytes.length) % ringBytes;
    used += bytes.length;
    sequence += 1n;
  };
  for (let nth = 0; nth < (log.retired ?? 0); nth += 1) put(content.retired, at);
  const tailBytes = at;
  for (const entry of shared(content.active, log.entries ?? 1)) put(entry, tailBytes);
  if (log.torn === true) put(content.torn, tailBytes, PAGE_BYTES);
  if (used >= ringBytes) throw new Error(`the log's ${ringBytes} bytes are too few for ${used}`);
  return parts;
};

/** The zeros come first, so that no entry clears what an earlier one has written. */
const shared = ({ zeros, pages }: LogContent, count: number): readonly LogContent[] => {
  const share = Math.ceil(pages.length / count);
  return Array.from({ length: count }, (_, nth) => ({
    zeros: nth === 0 ? zeros : [],
    pages: pages.slice(nth * share, (nth + 1) * share),
  }));
};

const encodeEntry = (
  log: PlainLog,
  entry: Entry,
  sizes: { readonly flushedBytes: number; readonly lastBytes: number },
): Buffer => {
  const bytes = Buffer.alloc(entryBytes(entry));
  bytes.write('loge', 0, 'ascii');
  bytes.writeUInt32LE(bytes.length, 8);
  bytes.writeUInt32LE(entry.tailBytes, 12);
  bytes.writeBigUInt64LE(entry.sequence, 16);
  bytes.writeUInt32LE(entry.zeros.length + entry.pages.length, 24);
  guidBytes(log.logGuid).copy(bytes, 32);
  bytes.writeBigUInt64LE(BigInt(roundDown(sizes.flushedBytes, MIB)), 48);
  bytes.writeBigUInt64LE(BigInt(roundUp(sizes.lastBytes, MIB)), 56);
  let at = ENTRY_HEADER_BYTES;
  const descriptor = (signature: string, offsetBytes: number, rest: (slot: Buffer) => void): void => {
    const slot = bytes.subarray(at, at + DESCRIPTOR_BYTES);
    slot.write(signature, 0, 'ascii');
    rest(slot);
    slot.writeBigUInt64LE(BigInt(offsetBytes), 16);
    slot.writeBigUInt64LE(entry.sequence, 24);
    at += DESCRIPTOR_BYTES;
  };
  for (const { offsetBytes, lengthBytes } of entry.zeros)
    descriptor('zero', offsetBytes, (slot) => slot.writeBigUInt64LE(BigInt(lengthBytes), 8));
  for (const { offsetBytes, bytes: page } of entry.pages)
    descriptor('desc', offsetBytes, (slot) => {
      slot.set(page.subarray(PAGE_BYTES - 4), 4);
      slot.set(page.subarray(0, 8), 8);
    });
  entry.pages.forEach(({ bytes: page }, nth) => {
    const sector = bytes.subarray(bytes.length - (entry.pages.length - nth) * PAGE_BYTES).subarray(0, PAGE_BYTES);
    sector.write('data', 0, 'ascii');
    sector.writeUInt32LE(Number(entry.sequence >> 32n), 4);
    sector.set(page.subarray(8, PAGE_BYTES - 4), 8);
    sector.writeUInt32LE(Number(entry.sequence & 0xffffffffn), PAGE_BYTES - 4);
  });
  return sealed(bytes);
};
