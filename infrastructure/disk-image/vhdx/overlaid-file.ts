/**
 * A VHDX as it will be once its dirty log is applied. Guarantees:
 * - The file is only read; the pages of the log are laid over it in memory, which takes as much as the log is long.
 * - A later descriptor of the log wins over an earlier one, byte for byte as applying them in their order would leave it.
 * - Bytes between the file's end and the end that the log gives it read zero.
 */
import type { OpenFile } from '#application/ports/file-system';
import type { ActiveSequence } from '#domain/disk-format/vhdx/log-sequence';
import type { ByteReader } from '../file-faults.js';
import { LogOverlay } from './log-overlay.js';

export class OverlaidFile implements ByteReader {
  /** Length in bytes with the log applied, as it was when the file was opened. */
  readonly sizeBytes: number;
  #overlay: LogOverlay | null;

  constructor(
    private readonly file: OpenFile,
    fileSizeBytes: number,
    dirtyLog: ActiveSequence | null,
  ) {
    this.#overlay = dirtyLog === null ? null : new LogOverlay(dirtyLog.entries);
    this.sizeBytes = Math.max(fileSizeBytes, dirtyLog?.lastFileOffsetBytes ?? 0);
  }

  get path(): string {
    return this.file.path;
  }

  /** Reads until `into` is full or the file, with its log applied, ends; returns the bytes read. */
  async read(into: Uint8Array, position: number): Promise<number> {
    const overlay = this.#overlay;
    const inFile = await this.file.read(into, position);
    if (overlay === null) return inFile;
    const length = Math.max(inFile, Math.min(into.length, this.sizeBytes - position));
    const bytes = into.subarray(0, length);
    bytes.fill(0, inFile);
    overlay.layOver(bytes, position);
    return length;
  }

  /** The log is on disk now, flushed: from here on the file itself is read. */
  applied(): void {
    this.#overlay = null;
  }
}
