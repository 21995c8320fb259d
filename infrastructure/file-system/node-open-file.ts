import { type FileSpace, type FileStat, FileSystemFault, type OpenFile } from '#application/ports/file-system';
import type { FileCalls } from './file-calls.js';
import type { NativeCalls } from './native-calls.js';
import { NodeFileSpace } from './node-file-space.js';
import { fileStatOf } from './regular-file.js';
import { faultOf } from './system-fault.js';

/** Linux moves at most 0x7ffff000 bytes in one call; Node refuses 2 GiB and more. */
const LONGEST_CALL_BYTES = 1 << 30;

/**
 * One descriptor for everything that is done to a file.
 *
 * - A read fills its buffer or meets the end of the file; a write writes everything or fails.
 * - Flushes run one after another: of concurrent ones Linux tells a single one about a lost write, and says OK to the others.
 * - After a failed flush there is no further write, truncation or flush: the kernel marks the lost pages clean and says OK next time.
 * - `close` waits for what is running: a call that is still queued would otherwise meet the next file that is given the same number.
 */
export class NodeOpenFile implements OpenFile {
  readonly #fd: number;
  readonly #calls: FileCalls;
  readonly #dropPages: (fd: number, sizeBytes: number) => Promise<'dropped' | 'kept'>;
  readonly space: FileSpace;
  #lastFlush: Promise<void> = Promise.resolve();
  #flushFault: FileSystemFault | null = null;
  #running = 0;
  #whenIdle: (() => void) | null = null;
  #closed: Promise<void> | null = null;

  constructor(
    readonly path: string,
    fd: number,
    calls: FileCalls,
    dropPages: (fd: number, sizeBytes: number) => Promise<'dropped' | 'kept'>,
    native: () => Promise<NativeCalls | null>,
  ) {
    this.#fd = fd;
    this.#calls = calls;
    this.#dropPages = dropPages;
    this.space = new NodeFileSpace({ fd, calls, native, run: (operation, work) => this.#run(operation, work) });
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#run('read', async () => {
      let done = 0;
      while (done < into.length) {
        const length = Math.min(into.length - done, LONGEST_CALL_BYTES);
        const bytes = await this.#calls.read(this.#fd, into, done, length, position + done);
        if (bytes === 0) break;
        done += bytes;
      }
      return done;
    });
  }

  write(from: Uint8Array, position: number): Promise<void> {
    return this.#run('write', async () => {
      this.#refuseAfterFailedFlush('write');
      let done = 0;
      while (done < from.length) {
        const length = Math.min(from.length - done, LONGEST_CALL_BYTES);
        const bytes = await this.#calls.write(this.#fd, from, done, length, position + done);
        if (bytes === 0) throw new Error(`${String(from.length - done)} bytes were not taken, and no reason given`);
        done += bytes;
      }
    });
  }

  truncate(length: number): Promise<void> {
    return this.#run('truncate', () => {
      this.#refuseAfterFailedFlush('truncate');
      return this.#calls.truncate(this.#fd, length);
    });
  }

  flush(): Promise<void> {
    return this.#run('flush', () => {
      const flushed = this.#lastFlush.then(() => this.#flushNow());
      // The next in line only waits; what went wrong is in #flushFault and in this flush's own answer.
      this.#lastFlush = flushed.then(
        () => undefined,
        () => undefined,
      );
      return flushed;
    });
  }

  async #flushNow(): Promise<void> {
    this.#refuseAfterFailedFlush('flush');
    try {
      await this.#calls.dataSync(this.#fd);
    } catch (error) {
      this.#flushFault = faultOf('flush', this.path, error);
      throw this.#flushFault;
    }
  }

  stat(): Promise<FileStat> {
    return this.#run('stat', async () => fileStatOf(this.path, await this.#calls.stat(this.#fd)));
  }

  dropCache(): Promise<'dropped' | 'kept'> {
    return this.#run('drop the cache of', async () => {
      const { sizeBytes } = fileStatOf(this.path, await this.#calls.stat(this.#fd));
      return this.#dropPages(this.#fd, sizeBytes);
    });
  }

  /** The second and any further call wait for the first. */
  close(): Promise<void> {
    this.#closed ??= this.#closeWhenIdle();
    return this.#closed;
  }

  async #closeWhenIdle(): Promise<void> {
    if (this.#running > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    try {
      await this.#calls.close(this.#fd);
    } catch (error) {
      throw faultOf('close', this.path, error);
    }
  }

  #refuseAfterFailedFlush(operation: string): void {
    if (this.#flushFault === null) return;
    const cause = new Error('an earlier flush failed, so writes may be lost: open the file anew and write them again', {
      cause: this.#flushFault,
    });
    throw new FileSystemFault('io', operation, this.path, { cause });
  }

  async #run<T>(operation: string, work: () => Promise<T>): Promise<T> {
    if (this.#closed !== null) {
      throw new FileSystemFault('io', operation, this.path, { cause: new Error('the file was closed before') });
    }
    this.#running++;
    try {
      return await work();
    } catch (error) {
      throw faultOf(operation, this.path, error);
    } finally {
      this.#running--;
      if (this.#running === 0) this.#whenIdle?.();
    }
  }
}
