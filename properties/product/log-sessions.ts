/** Entries of a VHDX's log, whole sessions of them, and a short ring to write them to. */
import { fc } from '@fast-check/vitest';
import { encodeLogEntry, type LogDescriptor, type LogEntry } from '#domain/disk-format/vhdx/log-entry';

export const SECTOR = 4096;
/** A short log wraps often. */
export const RING_SECTORS = 24;
export const RING_BYTES = RING_SECTORS * SECTOR;
export const GUID = 'e6fc743c-81ed-4fe8-bf54-698ed57ba0b8';
export const FORMER_GUID = '01234567-89ab-cdef-0123-456789abcdef';
/** The part of a file that the entries are about. */
export const FIRST_PAGE = 64;
export const PAGES = 24;

/** A page takes a thousand numbers: drawn byte by byte they would take most of the run. `length`: a multiple of 4. */
export const noise = (length: number, seed: number): Uint8Array => {
  const words = new Uint32Array(length / 4);
  let state = seed | 1;
  for (let n = 0; n < words.length; n += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[n] = state;
  }
  return new Uint8Array(words.buffer);
};

export const pageOffset = (page: number): number => (FIRST_PAGE + page) * SECTOR;
export const upTo = (max: number) => fc.nat({ max });
export const seeds = fc.integer();

export const pages: fc.Arbitrary<LogDescriptor> = fc
  .tuple(upTo(PAGES - 1), seeds)
  .map(([page, seed]) => ({ kind: 'data', fileOffsetBytes: pageOffset(page), page: noise(SECTOR, seed) }));
export const zeros: fc.Arbitrary<LogDescriptor> = fc.tuple(upTo(PAGES - 1), upTo(5)).map(([page, count]) => ({
  kind: 'zero',
  fileOffsetBytes: pageOffset(page),
  lengthBytes: Math.min(count, PAGES - page) * SECTOR,
}));
/** Of one entry: 4 sectors at most, so that a session of them fits into the log. */
export const transactions = fc.array(fc.oneof(pages, zeros), { maxLength: 3 });
export const MOST_SECTORS = 4;

/** Where 32, 53 and 64 bits end, and anywhere else. */
export const firstNumbers = fc.oneof(
  fc.constantFrom(1n, 2n ** 32n - 2n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 63n - 2n, 2n ** 64n - 64n),
  fc.bigInt({ min: 1n, max: 2n ** 64n - 64n }),
);
export const startSectors = upTo(RING_SECTORS - 1);

export const entryOf = (changes: Partial<LogEntry>): LogEntry => ({
  sequenceNumber: 1n,
  logGuid: GUID,
  tailBytes: 0,
  flushedFileOffsetBytes: 2 ** 20,
  lastFileOffsetBytes: 2 ** 20,
  descriptors: [],
  ...changes,
});

export const put = (ring: Uint8Array, encoded: Uint8Array, offsetBytes: number): void => {
  const beforeEnd = Math.min(encoded.length, ring.length - offsetBytes);
  ring.set(encoded.subarray(0, beforeEnd), offsetBytes);
  ring.set(encoded.subarray(beforeEnd), 0);
};

export interface Session {
  readonly logGuid: string;
  readonly firstNumber: bigint;
  readonly startSector: number;
  readonly transactions: readonly (readonly LogDescriptor[])[];
}
export const sessions = (logGuid: string, maxLength: number): fc.Arbitrary<Session> =>
  fc.record({
    logGuid: fc.constant(logGuid),
    firstNumber: firstNumbers,
    startSector: startSectors,
    transactions: fc.array(transactions, { minLength: 1, maxLength }),
  });

/** Writes the entries of a session one after the other. `tailOf`: from where an entry starts and where the first one did. */
export const writeSession = (
  ring: Uint8Array,
  session: Session,
  tailOf: (own: number, first: number) => number,
): { readonly next: number; readonly last: LogEntry } => {
  const first = session.startSector * SECTOR;
  let next = first;
  const written = session.transactions.map((descriptors, n) => {
    const entry = entryOf({
      sequenceNumber: session.firstNumber + BigInt(n),
      logGuid: session.logGuid,
      tailBytes: tailOf(next, first),
      descriptors,
    });
    const encoded = encodeLogEntry(entry);
    put(ring, encoded, next);
    next = (next + encoded.length) % ring.length;
    return entry;
  });
  return { next, last: written.at(-1)! };
};
/** FORMATS.md B8, Writing: every entry alone is its sequence. */
export const oneAtATime = (own: number): number => own;
export const allTogether = (_own: number, first: number): number => first;

export const ringAfter = (former: Session | null): Uint8Array => {
  const ring = new Uint8Array(RING_BYTES);
  if (former !== null) writeSession(ring, former, oneAtATime);
  return ring;
};
/** What an earlier session left, with numbers that may be greater. */
export const formerSessions = fc.option(sessions(FORMER_GUID, 12), { nil: null });
