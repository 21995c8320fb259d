/**
 * Both copies of a VHDX's header, as they change in a session. [MS-VHDX] 2.2.2.1 Guarantees:
 * - One copy is whole at every instant: the copy that does not count is written and flushed before the one that does.
 * - After a change both copies hold it, so that a later torn write never brings an older one back.
 */
import { FileSystemFault, type OpenFile } from '#application/ports/file-system';
import {
  chooseHeader,
  encodeHeader,
  HEADER_BYTES,
  HEADER_OFFSETS,
  successor,
  type VhdxHeader,
} from '#domain/disk-format/vhdx/header';
import { readAt } from '../file-faults.js';

export type HeaderChanges = Parameters<typeof successor>[1];

export class HeaderSlots {
  #slot: 0 | 1;
  #header: VhdxHeader;

  private constructor(
    private readonly file: OpenFile,
    slot: 0 | 1,
    header: VhdxHeader,
  ) {
    this.#slot = slot;
    this.#header = header;
  }

  /** The headers as they are in the file now: an earlier session may have changed them since it was opened. */
  static async read(file: OpenFile, fileLengthBytes: number): Promise<HeaderSlots> {
    const [first, second] = await Promise.all(HEADER_OFFSETS.map((offset) => readAt(file, offset, HEADER_BYTES)));
    if (first === undefined || second === undefined) throw new RangeError('Bug: a VHDX has two headers');
    const choice = chooseHeader(first, second, fileLengthBytes);
    if (!choice.ok) {
      const { expected, found } = choice.error;
      const cause = new Error(`the headers were whole when the file was opened; expected ${expected}, found ${found}`);
      throw new FileSystemFault('io', 'read', file.path, { cause });
    }
    return new HeaderSlots(file, choice.value.slot, choice.value.header);
  }

  get header(): VhdxHeader {
    return this.#header;
  }

  async change(changes: HeaderChanges): Promise<void> {
    await this.#writeOther(changes);
    await this.#writeOther({});
  }

  async #writeOther(changes: HeaderChanges): Promise<void> {
    const header = successor(this.#header, changes);
    const slot = this.#slot === 0 ? 1 : 0;
    await this.file.write(encodeHeader(header), HEADER_OFFSETS[slot]);
    await this.file.flush();
    this.#header = header;
    this.#slot = slot;
  }
}
