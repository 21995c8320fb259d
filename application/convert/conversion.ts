import { mergeError, type MergeError } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
import { ChunkedDigest, chunkedDigestAlong } from '../chain/view-digest.js';
import { chunksWithData } from '../chain/view-chunks.js';
import { folderOf } from '../chain/paths.js';
import type { ConvertedDisk, ConvertPorts, ConvertRequest, ConvertWatcher } from '../use-cases/convert-image.js';
import { ImageFile } from './image-file.js';
import { defaultBlockSize, type NewFormat } from './new-disk.js';
import type { NewDiskFile } from './new-disk-file.js';
import { RateLimit } from './rate-limit.js';
import { RawFile } from './raw-file.js';
import type { SourceChain } from './source-chain.js';
import { extentByContent, extentByTables, type Extent } from './space-needed.js';

/** Somebody wanted it to end. */
export class ConversionStopped extends Error {
  constructor() {
    super('the conversion was stopped');
    this.name = 'ConversionStopped';
  }
}

/** Where a conversion is. `totalBytes` is what the source's tables say that there is to read; less may do. */
export interface ConvertProgress {
  readonly stage: 'measuring' | 'copying' | 'verifying';
  readonly copiedBytes: number;
  readonly verifiedBytes: number;
  readonly totalBytes: number;
}

interface Target {
  /** The name that it will have: for people. */
  readonly path: string;
  readonly unfinishedPath: string;
  readonly format: NewFormat;
}

/** One conversion: makes the file, sees whether there is room, copies, and reads back what was written. */
export class Conversion {
  private begun = false;
  private now: ConvertProgress = { stage: 'measuring', copiedBytes: 0, verifiedBytes: 0, totalBytes: 0 };

  constructor(
    private readonly request: ConvertRequest,
    private readonly watcher: ConvertWatcher,
    private readonly ports: ConvertPorts,
  ) {}

  /** Was content written? From then on what goes wrong is a failure, not a refusal. */
  get hasBegun(): boolean {
    return this.begun;
  }

  /** Everything is flushed when it returns. The path in what it returns is that of the unfinished file's name to be. */
  async into(target: Target, chain: SourceChain): Promise<Result<ConvertedDisk, MergeError>> {
    const made = await this.make(target, chain);
    if (!made.ok) return made;
    const { file, description } = made.value;
    let digest: string;
    try {
      const missing = await this.missingSpace(target, file, chain);
      if (missing !== null) return err(missing);
      this.begun = true;
      digest = await this.copy(file, chain);
      await file.finish();
    } finally {
      await file.close();
    }
    const changed = await chain.changed();
    if (changed !== null) return err(changed);
    const readBack = await this.verified(target, file, chain, digest);
    if (!readBack.ok) return readBack;
    const { copiedBytes: bytesRead } = this.now;
    return ok({ ...description, digest, readBackFrom: readBack.value, bytesRead });
  }

  private async make(
    { path, unfinishedPath, format }: Target,
    { view }: SourceChain,
  ): Promise<Result<{ readonly file: NewDiskFile; readonly description: Description }, MergeError>> {
    const { images, files, identifiers, clock } = this.ports;
    const { sectorSize: logicalSectorSize } = view;
    const virtualSizeBytes = view.diskSectors * logicalSectorSize;
    const common = { path, format, virtualSizeBytes, logicalSectorSize };
    if (format === 'raw') {
      const size = { sizeBytes: virtualSizeBytes, sectorSize: logicalSectorSize };
      const description = { ...common, type: 'fixed' as const, blockSizeBytes: null, identity: null };
      return ok({ file: await RawFile.make(unfinishedPath, size, files), description });
    }
    const { type } = this.request;
    const blockSizeBytes = this.request.blockSizeBytes ?? defaultBlockSize(format);
    const identity = identifiers.newGuid();
    const spec = { type, virtualSizeBytes, blockSizeBytes, logicalSectorSize, parent: null, uniqueId: identity };
    const newImage = { ...spec, timeStampMs: clock.now() };
    const file = await ImageFile.make(unfinishedPath, newImage, identifiers.newGuid(), images);
    if (!file.ok) return file;
    const hasBlocks = format === 'vhdx' || type === 'dynamic';
    const description = { ...common, type, blockSizeBytes: hasBlocks ? blockSizeBytes : null, identity };
    return ok({ file: file.value, description });
  }

  /**
   * What the tables say is enough when there is room for it. Only when there is not, everything is read to see how much of it is not
   * zero: a fixed disk has a place for all, and may be nearly empty.
   */
  private async missingSpace(target: Target, file: NewDiskFile, { view }: SourceChain): Promise<MergeError | null> {
    const free = await this.ports.files.freeSpaceBytes(folderOf(target.path));
    const byTables = await extentByTables(view, file.unitBytes);
    this.tell({ totalBytes: byTables.bytes });
    const missing = (extent: Extent): number => file.spaceFor(extent.units) - free;
    if (missing(byTables) <= 0) return null;
    const byContent = await extentByContent(view, file.unitBytes, () => this.mayGoOn());
    return missing(byContent) <= 0 ? null : tooSmall(target.path, file.spaceFor(byContent.units), free);
  }

  /** The digest is of the very bytes that are written. */
  private async copy(file: NewDiskFile, { view }: SourceChain): Promise<string> {
    const { digests, clock } = this.ports;
    const digest = new ChunkedDigest(view, digests);
    const rate = new RateLimit(this.request.rateBytesPerSecond, clock, this.watcher.signal);
    this.tell({ stage: 'copying' });
    for await (const chunk of chunksWithData(view, view.walk('data'))) {
      this.mayGoOn();
      if (digest.add(chunk)) await file.write(chunk);
      this.tell({ copiedBytes: this.now.copiedBytes + chunk.bytes.byteLength });
      await rate.moved(chunk.bytes.byteLength);
    }
    this.mayGoOn();
    return named(digest.hex());
  }

  private async verified(
    { path }: Target,
    file: NewDiskFile,
    { view }: SourceChain,
    expected: string,
  ): Promise<Result<ConvertedDisk['readBackFrom'], MergeError>> {
    if (this.request.verify === 'none') return ok('nowhere');
    this.tell({ stage: 'verifying' });
    const finished = await file.readBack();
    if (!finished.ok) return finished;
    const disk = finished.value;
    try {
      // A disk that has a place for everything is read where the source has something. The rest was never written.
      const walk = disk.walk() ?? view.walk('data');
      const found = await chunkedDigestAlong(disk, walk, this.ports.digests, (bytes) => {
        this.mayGoOn();
        this.tell({ verifiedBytes: this.now.verifiedBytes + bytes });
      });
      return named(found) === expected ? ok(disk.readFrom) : err(readsOtherwise(path, expected, named(found)));
    } finally {
      await disk.close();
    }
  }

  private mayGoOn(): void {
    if (this.watcher.signal.aborted) throw new ConversionStopped();
  }

  private tell(change: Partial<ConvertProgress>): void {
    this.now = { ...this.now, ...change };
    this.watcher.progress(this.now);
  }
}

type Description = Omit<ConvertedDisk, 'digest' | 'readBackFrom' | 'bytesRead'>;

const named = (hex: string): string => `sha256-chunked:${hex}`;

const tooSmall = (path: string, needed: number, free: number): MergeError =>
  mergeError('out-of-space', 'there is not enough room for the new disk', {
    path,
    expected: `${String(needed)} bytes on its file system`,
    found: `${String(free)} bytes free`,
    todo: 'Nothing was made. Make room, choose another folder, or smaller blocks: a block with one byte in it takes its whole size.',
  });

const readsOtherwise = (path: string, expected: string, found: string): MergeError =>
  mergeError('verification-failed', 'the new disk does not read back as it was written', {
    path,
    expected,
    found,
    todo: 'It was removed, and the sources are as they were. Check the storage for errors before you try again.',
  });
