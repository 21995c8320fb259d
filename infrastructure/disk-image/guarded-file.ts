/**
 * The one open file of a destination. Guarantees:
 * - Its flushes run one after another: of several at once the system tells one about a lost write, and says OK to another.
 * - After a failed flush, or when work under `breaking` failed, it refuses everything but `close`: what it would read may never have reached the
 *   disk, and what it would flush is reported as lost only once.
 */
import { type FileSpace, type FileStat, FileSystemFault, type OpenFile } from '#application/ports/file-system';
import { Turns } from './turns.js';

export class GuardedFile implements OpenFile {
  readonly #flushes = new Turns();
  #broken: { readonly fault: unknown } | null = null;

  constructor(private readonly file: OpenFile) {}

  get path(): string {
    return this.file.path;
  }

  get space(): FileSpace {
    return this.file.space;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    this.#refuseWhenBroken('read');
    return this.file.read(into, position);
  }

  async write(from: Uint8Array, position: number): Promise<void> {
    this.#refuseWhenBroken('write');
    await this.file.write(from, position);
  }

  async truncate(length: number): Promise<void> {
    this.#refuseWhenBroken('truncate');
    await this.file.truncate(length);
  }

  flush(): Promise<void> {
    return this.#flushes.run(async () => {
      this.#refuseWhenBroken('flush');
      await this.breaking(() => this.file.flush());
    });
  }

  async stat(): Promise<FileStat> {
    this.#refuseWhenBroken('stat');
    return this.file.stat();
  }

  async dropCache(): Promise<'dropped' | 'kept'> {
    this.#refuseWhenBroken('drop cache');
    return this.file.dropCache();
  }

  close(): Promise<void> {
    return this.file.close();
  }

  /** Runs work that leaves the file in an unknown state when it fails. */
  async breaking<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (fault) {
      this.#broken ??= { fault };
      throw fault;
    }
  }

  #refuseWhenBroken(operation: string): void {
    if (this.#broken === null) return;
    const cause = new Error('an earlier write of metadata or flush of this file failed', { cause: this.#broken.fault });
    const { fault } = this.#broken;
    throw new FileSystemFault(fault instanceof FileSystemFault ? fault.code : 'io', operation, this.path, { cause });
  }
}
