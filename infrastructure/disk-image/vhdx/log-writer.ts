/**
 * Writes entries into the ring of a VHDX's log. FORMATS.md B8, Writing. Guarantees:
 * - Every entry is a sequence by itself (its Tail is its own place), so that the newest durable one alone is replayed.
 * - No byte of the entry before is overwritten: an entry takes half of the ring at most and follows right after the one before.
 *   A torn entry therefore always leaves the one before it whole.
 */
import type { OpenFile } from '#application/ports/file-system';
import { encodeLogEntry, LOG_SECTOR_BYTES, type LogDescriptor } from '#domain/disk-format/vhdx/log-entry';
import { MIB, roundDown } from '#domain/quantities';

/** A longer one saves no flush worth its memory. */
const LONGEST_ENTRY_BYTES = 4 * MIB;

export interface LogRing {
  readonly logGuid: string;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

export class LogWriter {
  #nextOffset = 0;
  #nextSequenceNumber = 1n;

  /** `ring.logGuid` is one that no entry in the ring has. */
  constructor(
    private readonly file: OpenFile,
    private readonly ring: LogRing,
  ) {}

  get longestEntryBytes(): number {
    return Math.min(LONGEST_ENTRY_BYTES, roundDown(this.ring.lengthBytes / 2, LOG_SECTOR_BYTES));
  }

  /**
   * Writes the next entry, not flushed. `durableLengthBytes`: a length that the file is known to have on stable storage, with
   * everything in it that the entry points to.
   */
  async append(descriptors: readonly LogDescriptor[], durableLengthBytes: number): Promise<void> {
    const fileOffsetBytes = roundDown(durableLengthBytes, MIB);
    const entry = encodeLogEntry({
      sequenceNumber: this.#nextSequenceNumber,
      logGuid: this.ring.logGuid,
      tailBytes: this.#nextOffset,
      flushedFileOffsetBytes: fileOffsetBytes,
      // All structures end inside the file and on a MiB: a file that is no multiple of it has nothing in its last part.
      lastFileOffsetBytes: fileOffsetBytes,
      descriptors,
    });
    if (entry.length > this.longestEntryBytes) {
      throw new RangeError(`Bug: a log entry of ${entry.length} bytes in a ring of ${this.ring.lengthBytes}`);
    }
    const { offsetBytes, lengthBytes } = this.ring;
    const beforeWrap = entry.subarray(0, lengthBytes - this.#nextOffset);
    await this.file.write(beforeWrap, offsetBytes + this.#nextOffset);
    if (beforeWrap.length < entry.length) await this.file.write(entry.subarray(beforeWrap.length), offsetBytes);
    this.#nextOffset = (this.#nextOffset + entry.length) % lengthBytes;
    this.#nextSequenceNumber += 1n;
  }
}
