/**
 * A time in which a VHDX is written: from the first change after opening it until its log is empty again. FORMATS.md B2, B8.
 * Guarantees, at every instant and for torn writes too:
 * - A header that names a log has a valid sequence in it: the first entry is durable before a header names it, and the newest
 *   durable one is never overwritten.
 * - Metadata changes by whole transactions, in the order in which they were committed.
 * - After a fault the file is refused by `GuardedFile`, and the header goes on naming the log: it may hold the only good copy of
 *   pages that were being written.
 */
import { type Extent, overlap } from '#domain/disk-format/extent';
import { canSucceed, logExtent, NIL_GUID, type VhdxHeader } from '#domain/disk-format/vhdx/header';
import { REGION_TABLE_BYTES, REGION_TABLE_OFFSETS } from '#domain/disk-format/vhdx/region-table';
import { type MergeError, mergeError } from '#domain/merge-error';
import { MIB } from '#domain/quantities';
import { readExactly } from '../file-faults.js';
import type { GuardedFile } from '../guarded-file.js';
import { Turns } from '../turns.js';
import { applyDescriptors } from './apply-log.js';
import { HeaderSlots } from './header-slots.js';
import { descriptorsOf, LogPages, MAX_TRANSACTION_DESCRIPTORS, type Patch, type Transaction } from './log-pages.js';
import { LogWriter } from './log-writer.js';
import type { OpenVhdx } from './open-vhdx.js';
import { replayLog } from './replay-log.js';

/** Why this file cannot be written, whatever is to be written; null: it can. To be asked before the first `begin`. */
export const sessionRefusal = ({ path, headers: { header } }: OpenVhdx): MergeError | null => {
  const todo = 'Nothing was written. Copy the disk into a new file.';
  if (header.logLengthBytes < MIB) {
    const expected = 'a log of 1 MiB or more, through which all changes of metadata go';
    return mergeError('format-not-supported', 'this VHDX has no log, so that it cannot be changed safely', {
      path,
      expected,
      found: `a log of ${header.logLengthBytes} bytes`,
      todo,
    });
  }
  if (canSucceed(header)) return null;
  return mergeError('format-not-supported', 'the sequence numbers of the header are used up', {
    path,
    expected: 'room for the next ones below 2^64',
    found: String(header.sequenceNumber),
    todo,
  });
};

export class VhdxSession {
  readonly #log: LogWriter;
  readonly #inTurn = new Turns();
  readonly #growths = new Turns();
  #isOver = false;

  private constructor(
    private readonly file: GuardedFile,
    private readonly slots: HeaderSlots,
    private lengthBytes: number,
    logGuid: string,
  ) {
    const { logOffsetBytes, logLengthBytes } = slots.header;
    this.#log = new LogWriter(file, { logGuid, offsetBytes: logOffsetBytes, lengthBytes: logLengthBytes });
  }

  /**
   * Makes the file ready to be changed. A log that was not applied is applied first; damaged copies of the header and of the region
   * table are set right. All of it is flushed when it returns. `file` is the one that `vhdx` was opened from, which may have had
   * sessions since. `newGuid` gives the GUID of the log.
   */
  static async begin(
    vhdx: OpenVhdx,
    file: GuardedFile,
    fileWriteGuid: string,
    newGuid: () => string,
  ): Promise<VhdxSession> {
    const refusal = sessionRefusal(vhdx);
    if (refusal !== null) throw new RangeError(`Bug: a session without asking first: ${refusal.message}`);
    return file.breaking(async () => {
      const { sizeBytes } = await file.stat();
      // What a killed program left in the cache, entries of its log among it, is on the disk before anything is built on it.
      await file.flush();
      const slots = await HeaderSlots.read(file, sizeBytes);
      const lengthBytes = await replayLog(vhdx, file, slots, { sizeBytes, fileWriteGuid });
      const logGuid = newGuid();
      const session = new VhdxSession(file, slots, lengthBytes, logGuid);
      await session.#log.append([], lengthBytes);
      await file.flush();
      await slots.change({ fileWriteGuid, logGuid });
      const patches = await regionTablePatches(vhdx, file);
      if (patches.length > 0) await session.#commit([{ zeros: [], patches }]);
      return session;
    });
  }

  /** The current header, as it is in both copies on the disk. */
  get header(): VhdxHeader {
    return this.slots.header;
  }

  /** Durable. No multiple of 1 MiB when another program has left the file so. */
  get fileLengthBytes(): number {
    return this.lengthBytes;
  }

  /** In both copies of the header, flushed. */
  changeHeader(changes: { readonly dataWriteGuid: string }): Promise<void> {
    return this.#whileOpen(this.#inTurn, () => this.slots.change(changes));
  }

  /**
   * Each transaction becomes durable as a whole or not at all, and never without those before it. All of them are durable and in
   * their places when it returns. What they point to is durable before, and inside the file.
   */
  commit(transactions: readonly Transaction[]): Promise<void> {
    return this.#whileOpen(this.#inTurn, () => this.#commit(transactions));
  }

  /** Makes the file longer, flushed; what it gets reads zero. A multiple of 1 MiB; when it has that length nothing happens. */
  growFile(lengthBytes: number): Promise<void> {
    return this.#growths.run(async () => {
      this.#mustBeOpen();
      if (lengthBytes % MIB !== 0) throw new RangeError(`Bug: a VHDX grows to whole MiB, not to ${lengthBytes} bytes`);
      if (lengthBytes <= this.lengthBytes) return;
      // No room for it leaves the file as it was.
      await this.file.truncate(lengthBytes);
      await this.file.flush();
      this.lengthBytes = lengthBytes;
    });
  }

  /** The log is empty and both copies of the header say so, flushed. The session is over; asked again it does nothing. */
  rest(): Promise<void> {
    return this.#inTurn.run(async () => {
      if (this.#isOver) return;
      await this.file.breaking(() => this.slots.change({ logGuid: NIL_GUID }));
      this.#isOver = true;
    });
  }

  #whileOpen(turns: Turns, work: () => Promise<void>): Promise<void> {
    return turns.run(async () => {
      this.#mustBeOpen();
      await this.file.breaking(work);
    });
  }

  #mustBeOpen(): void {
    if (this.#isOver) throw new RangeError(`Bug: ${this.file.path} is written after its session`);
  }

  async #commit(transactions: readonly Transaction[]): Promise<void> {
    for (const transaction of transactions) this.#mustBeLoggable(transaction);
    let entry = new LogPages(this.file);
    for (const transaction of transactions) {
      if (entry.lengthWith(transaction) > this.#log.longestEntryBytes) {
        await this.#write(entry);
        entry = new LogPages(this.file);
      }
      await entry.add(transaction);
    }
    if (!entry.isEmpty) await this.#write(entry);
  }

  #mustBeLoggable(transaction: Transaction): void {
    const descriptors = descriptorsOf(transaction);
    if (descriptors > MAX_TRANSACTION_DESCRIPTORS) {
      throw new RangeError(`Bug: a transaction of ${descriptors} pages and zero ranges cannot be one entry of a log`);
    }
    const log = logExtent(this.header);
    for (const extent of extentsOf(transaction)) {
      const isMetadata = extent.startBytes >= REGION_TABLE_OFFSETS[0] && extent.endBytes <= this.lengthBytes;
      if (!isMetadata || (log !== null && overlap(extent, log))) {
        const place = `${extent.startBytes} to ${extent.endBytes}`;
        throw new RangeError(`Bug: the log cannot change bytes ${place} of a file of ${this.lengthBytes}`);
      }
    }
  }

  async #write(entry: LogPages): Promise<void> {
    const descriptors = entry.descriptors();
    await this.#log.append(descriptors, this.lengthBytes);
    await this.file.flush();
    await applyDescriptors(this.file, descriptors, this.lengthBytes);
    // The next entry takes the place of this one as the one that is replayed.
    await this.file.flush();
  }
}

const extentsOf = ({ zeros, patches }: Transaction): readonly Extent[] => [
  ...zeros.map(({ offsetBytes, lengthBytes }) => ({ startBytes: offsetBytes, endBytes: offsetBytes + lengthBytes })),
  ...patches.map(({ offsetBytes, bytes }) => ({ startBytes: offsetBytes, endBytes: offsetBytes + bytes.length })),
];

/** What makes both copies of the region table equal; none when they are. */
const regionTablePatches = async ({ regions }: OpenVhdx, file: GuardedFile): Promise<readonly Patch[]> => {
  const [damaged] = regions.damagedCopies;
  if (damaged === undefined) return [];
  const offsetBytes = REGION_TABLE_OFFSETS[damaged];
  const bytes = await regionTableAt(file, REGION_TABLE_OFFSETS[damaged === 0 ? 1 : 0]);
  const isStill = (await regionTableAt(file, offsetBytes)).some((byte, n) => byte !== bytes[n]);
  return isStill ? [{ offsetBytes, bytes }] : [];
};

const regionTableAt = async (file: GuardedFile, position: number): Promise<Uint8Array> => {
  const table = new Uint8Array(REGION_TABLE_BYTES);
  await readExactly(file, table, position);
  return table;
};
