import { ok, type Result } from '#domain/result';
import type { Chunk, DataWalk } from '../chain/view-chunks.js';
import type { FileSystem, OpenFile } from '../ports/file-system.js';
import { PAGE_BYTES, type FinishedDisk, type NewDiskFile } from './new-disk-file.js';
import { bytesOfRun, nonZeroRuns } from './non-zero-runs.js';

/** A raw disk: its bytes and nothing else. What reads zero is left out, so that the file has holes there. */
export class RawFile implements NewDiskFile {
  readonly unitBytes = PAGE_BYTES;

  private constructor(
    private readonly file: OpenFile,
    private readonly sectorSize: number,
    private readonly sizeBytes: number,
    private readonly files: FileSystem,
  ) {}

  static async make(
    path: string,
    { sizeBytes, sectorSize }: { readonly sizeBytes: number; readonly sectorSize: number },
    files: FileSystem,
  ): Promise<RawFile> {
    const file = await files.create(path);
    try {
      await file.truncate(sizeBytes);
      return new RawFile(file, sectorSize, sizeBytes, files);
    } catch (fault) {
      await file.close();
      throw fault;
    }
  }

  spaceFor(units: number): number {
    return units * PAGE_BYTES;
  }

  async write(chunk: Chunk): Promise<void> {
    for (const run of nonZeroRuns(chunk, PAGE_BYTES / this.sectorSize))
      await this.file.write(bytesOfRun(chunk, run), run.start * this.sectorSize);
  }

  async finish(): Promise<void> {
    await this.file.flush();
    await this.file.close();
  }

  async readBack(): Promise<Result<FinishedDisk, never>> {
    const file = await this.files.open(this.file.path, 'read');
    const dropped = await file.dropCache();
    const tells = this.sizeBytes > 0 && (await file.space.stretchAt(0)) !== null;
    return ok({
      sectorSize: this.sectorSize,
      // As long as the file is: a shorter or longer one has another digest.
      diskSectors: (await file.stat()).sizeBytes / this.sectorSize,
      read: async ({ start }, into) => {
        await file.read(into, start * this.sectorSize);
      },
      readFrom: dropped === 'dropped' ? 'device' : 'page-cache',
      walk: () => (tells ? walkOverHoles(file, this.sectorSize) : null),
      close: () => file.close(),
    });
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

/** Passes over what has no place on the file system, where the operating system tells: what it does not know may be data. */
export const walkOverHoles = (file: OpenFile, sectorSize: number): DataWalk => ({
  next: async (from) => {
    const { sizeBytes } = await file.stat();
    for (let at = from * sectorSize; at < sizeBytes;) {
      const stretch = await file.space.stretchAt(at);
      if (stretch?.kind !== 'hole') return Math.floor(at / sectorSize);
      at = stretch.endBytes;
    }
    return null;
  },
});
