/**
 * Which entries of a VHDX's log are to be applied: the active sequence. [MS-VHDX] 2.3.2
 *
 * Guarantees:
 * - Entries with another LogGuid, torn entries and what an earlier lap left are no part of it.
 * - Each offset of the log is tried once, in time in proportion to the log's length (see `log-entry-decode.ts`).
 * - Nothing is applied that leads into the log itself, before the region tables or behind the end of the file.
 */
import type { StructureFlaw } from '../../merge-error.js';
import { KIB } from '../../quantities.js';
import { err, ok, type Result } from '../../result.js';
import { type Extent, overlap } from '../extent.js';
import { flawOf, hex } from '../flaw.js';
import { LIMIT } from '../limits.js';
import { NIL_GUID } from './header.js';
import { LOG_SECTOR_BYTES, type LogDescriptor, type LogEntry } from './log-entry.js';
import { decodeLogEntry, startsEntry } from './log-entry-decode.js';

/** A policy: a dirty log is read whole into memory, and each of its descriptors, 32 bytes there, takes some. Windows and QEMU write 1 MiB. */
export const MAX_DIRTY_LOG_BYTES = LIMIT.dirtyLogBytes;
/** Before it there are only the file's identifier and its headers, which the log cannot change. */
const FIRST_TARGET_BYTES = 192 * KIB;
/** A policy: the largest disk there is can be behind the end of the file. */
const MAX_GROWTH_BYTES = LIMIT.logGrowthBytes;

export interface ActiveSequence {
  /** To be applied in this order: from the newest entry's tail to the newest entry. At least one. */
  readonly entries: readonly LogEntry[];
  /** Where the newest entry starts in the log. */
  readonly headOffsetBytes: number;
  /** Where it ends, and the next one goes. */
  readonly endOffsetBytes: number;
  readonly lastSequenceNumber: bigint;
  /** The file has at least this length, or something is lost. 2^53 and more is inexact here and in the next. */
  readonly flushedFileOffsetBytes: number;
  /** The file is to be at least this long when the entries are applied: the most that any of them asks for. */
  readonly lastFileOffsetBytes: number;
}

interface PlacedEntry {
  readonly offsetBytes: number;
  readonly endBytes: number;
  readonly entry: LogEntry;
}

const logFlaw = flawOf('VHDX log');
const entryFlaw = flawOf('VHDX log entry');

/** May a log of this length be read to find its active sequence? */
export const dirtyLogSizeFlaw = (logLengthBytes: number): StructureFlaw | null =>
  logLengthBytes > MAX_DIRTY_LOG_BYTES
    ? logFlaw('log-too-large', `at most ${MAX_DIRTY_LOG_BYTES} bytes of log to apply`, `${logLengthBytes} bytes`)
    : null;

/** `log`: the whole ring. `logGuid`: the current header's, not zero. A log without a valid sequence is damaged. */
export const activeSequence = (log: Uint8Array, logGuid: string): Result<ActiveSequence, StructureFlaw> => {
  if (logGuid === NIL_GUID) throw new RangeError('Bug: a log without a LogGuid has nothing to apply');
  const tooLarge = dirtyLogSizeFlaw(log.length);
  if (tooLarge !== null) return err(tooLarge);
  const entries = entriesIn(log, logGuid);
  const valid = maximalSequences(entries)
    .map(tailToHead)
    .filter((sequence) => sequence !== null);
  const greatest = valid.reduce((most, sequence) => (numberOf(sequence) > most ? numberOf(sequence) : most), 0n);
  const [active, rival] = valid.filter((sequence) => numberOf(sequence) === greatest);
  if (active === undefined) {
    const expected = `a sequence of entries with the LogGuid ${logGuid}`;
    return err(logFlaw('log-corrupt', expected, `${entries.size} entries, none of which ends one`));
  }
  if (rival !== undefined) {
    return err(logFlaw('log-corrupt', 'one sequence with the greatest number', `two that end with ${greatest}`));
  }
  return ok(described(active));
};

/** Every valid entry with this LogGuid, by where it starts. */
const entriesIn = (log: Uint8Array, logGuid: string): ReadonlyMap<number, PlacedEntry> => {
  const entries = new Map<number, PlacedEntry>();
  for (let offsetBytes = 0; offsetBytes < log.length; offsetBytes += LOG_SECTOR_BYTES) {
    if (!startsEntry(log, offsetBytes)) continue;
    const decoded = decodeLogEntry(log, offsetBytes);
    if (!decoded.ok) continue;
    const { entry, lengthBytes } = decoded.value;
    // An entry as long as the log would leave no room for the next one: Microsoft's reader takes none.
    if (entry.logGuid !== logGuid || entry.tailBytes >= log.length || lengthBytes >= log.length) continue;
    entries.set(offsetBytes, { offsetBytes, endBytes: (offsetBytes + lengthBytes) % log.length, entry });
  }
  return entries;
};

/**
 * Entries side by side with ascending numbers, as long as they go on. Valid entries are disjoint and the numbers only grow, so
 * every entry is in one such sequence, and none goes around the log twice. The specification tries every offset as a start; a
 * later start in the same sequence only leaves out its first entries.
 */
const maximalSequences = (entries: ReadonlyMap<number, PlacedEntry>): readonly (readonly PlacedEntry[])[] => {
  const successorOf = ({ endBytes, entry }: PlacedEntry): PlacedEntry | undefined => {
    const next = entries.get(endBytes);
    return next?.entry.sequenceNumber === entry.sequenceNumber + 1n ? next : undefined;
  };
  const successors = new Set([...entries.values()].map(successorOf));
  return [...entries.values()]
    .filter((entry) => !successors.has(entry))
    .map((first) => {
      const sequence: PlacedEntry[] = [];
      for (let next: PlacedEntry | undefined = first; next !== undefined; next = successorOf(next)) sequence.push(next);
      return sequence;
    });
};

/** What of a sequence is to be applied; null when its newest entry needs one that is not in it. */
const tailToHead = (sequence: readonly PlacedEntry[]): readonly PlacedEntry[] | null => {
  const tail = sequence.findIndex(({ offsetBytes }) => offsetBytes === sequence.at(-1)!.entry.tailBytes);
  return tail < 0 ? null : sequence.slice(tail);
};

const numberOf = (sequence: readonly PlacedEntry[]): bigint => sequence.at(-1)!.entry.sequenceNumber;

const described = (sequence: readonly PlacedEntry[]): ActiveSequence => {
  const head = sequence.at(-1)!;
  const entries = sequence.map(({ entry }) => entry);
  return {
    entries,
    headOffsetBytes: head.offsetBytes,
    endOffsetBytes: head.endBytes,
    lastSequenceNumber: head.entry.sequenceNumber,
    flushedFileOffsetBytes: head.entry.flushedFileOffsetBytes,
    // Not the newest entry's alone: one before it may have pages in a part of the file that was to be cut off afterwards.
    lastFileOffsetBytes: entries.reduce((most, entry) => Math.max(most, entry.lastFileOffsetBytes), 0),
  };
};

/** Why this sequence must not be applied to a file of this size, whose log lies at `log`; null when it may. */
export const replayFlaw = (
  sequence: ActiveSequence,
  { fileSizeBytes, log }: { readonly fileSizeBytes: number; readonly log: Extent },
): StructureFlaw | null => {
  const { flushedFileOffsetBytes, lastFileOffsetBytes } = sequence;
  if (flushedFileOffsetBytes > fileSizeBytes) {
    return logFlaw('truncated', `a file of ${flushedFileOffsetBytes} bytes or more`, `${fileSizeBytes} bytes`);
  }
  if (lastFileOffsetBytes > fileSizeBytes + MAX_GROWTH_BYTES) {
    return entryFlaw('log-entry', 'a file that grows by at most 64 TiB', `an end at ${hex(lastFileOffsetBytes, 1)}`);
  }
  const endBytes = Math.max(fileSizeBytes, lastFileOffsetBytes);
  let zeroBytes = 0;
  for (const { descriptors } of sequence.entries) {
    for (const descriptor of descriptors) {
      const misplaced = targetFlaw(descriptor, log, endBytes);
      if (misplaced !== null) return misplaced;
      if (descriptor.kind === 'zero') zeroBytes += descriptor.lengthBytes;
    }
  }
  // Each may be inside the file, and all together be more to write than any file has.
  if (zeroBytes > endBytes) {
    return entryFlaw('log-entry', `at most ${endBytes} bytes of zeros, the whole file`, `${zeroBytes} bytes`);
  }
  return null;
};

const targetFlaw = (descriptor: LogDescriptor, log: Extent, endBytes: number): StructureFlaw | null => {
  const startBytes = descriptor.fileOffsetBytes;
  const lengthBytes = descriptor.kind === 'data' ? LOG_SECTOR_BYTES : descriptor.lengthBytes;
  const target: Extent = { startBytes, endBytes: startBytes + lengthBytes };
  const isRight = startBytes >= FIRST_TARGET_BYTES && !overlap(target, log) && target.endBytes <= endBytes;
  // Before any text is made: a hostile log has half a million descriptors.
  if (isRight) return null;
  const found = `${lengthBytes} bytes at ${hex(startBytes, 1)}`;
  if (startBytes < FIRST_TARGET_BYTES) return entryFlaw('log-entry', 'pages at 192 KiB or behind', found);
  if (overlap(target, log)) return entryFlaw('log-entry', 'pages outside the log', found);
  return entryFlaw('log-entry', `pages up to ${hex(endBytes, 1)}`, found);
};
