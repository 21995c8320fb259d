import type { ImageDescription } from '#domain/chain/image-description';
import { mergeError, type MergeError } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
import type { ParentSearch } from '../chain/allowed-roots.js';
import type { ChainView } from '../chain/chain-view.js';
import type { ChainPorts } from '../chain/open-chain.js';
import { openSourceChain } from '../convert/source-chain.js';
import { UnfinishedFiles, type PublishingPorts } from '../convert/unfinished-files.js';
import type { Clock } from '../ports/clock.js';
import type { NewImage } from '../ports/disk-image.js';
import type { OpenFile } from '../ports/file-system.js';
import { fileExists, refusingFaults } from './file-refusal.js';
import { canonicalPath } from '../merge/merge-pair.js';
import { writeRawContent } from './raw-content.js';

export interface NewDisk {
  /** Absolute, as all paths here. */
  readonly path: string;
  readonly type: 'fixed' | 'dynamic';
  readonly blockSizeBytes: number;
  /** 512, or in a VHDX also 4096. */
  readonly logicalSectorSize: number;
  /** Empty with this many bytes, or with the size and content of a raw file. */
  readonly content: { readonly sizeBytes: number } | { readonly rawPath: string };
}

export interface NewChild extends ParentSearch {
  readonly path: string;
  readonly parentPath: string;
  readonly blockSizeBytes: number;
  /**
   * A raw file: the child shows it, and holds only the sectors that differ from the parent's view. It has the parent's size; the
   * child of a VHDX may be larger or smaller than its parent.
   */
  readonly rawPath: string | null;
}

/**
 * Makes new images. A file appears under its name when it is complete and flushed, and never replaces another: it is built under
 * a name of its own in the same folder, which also makes its relative parent path right.
 */
export class CreateImage {
  private readonly unfinished: UnfinishedFiles;

  constructor(private readonly ports: ChainPorts & PublishingPorts & { readonly clock: Clock }) {
    this.unfinished = new UnfinishedFiles(ports);
  }

  create(disk: NewDisk): Promise<Result<ImageDescription, MergeError>> {
    return refusingFaults(async () => {
      const { content } = disk;
      if ('sizeBytes' in content) return await this.build(disk.path, this.base(disk, content.sizeBytes), null, null);
      const raw = await this.ports.files.open(await this.ports.files.realPath(content.rawPath), 'read');
      try {
        const { sizeBytes } = await raw.stat();
        if (!isWholeSectors(sizeBytes, disk.logicalSectorSize))
          return err(notWholeSectors(content.rawPath, sizeBytes, disk.logicalSectorSize));
        return await this.build(disk.path, this.base(disk, sizeBytes), raw, null);
      } finally {
        await raw.close();
      }
    });
  }

  createChild(child: NewChild): Promise<Result<ImageDescription, MergeError>> {
    return refusingFaults(async () => {
      const { files } = this.ports;
      const parentPath = await files.realPath(child.parentPath);
      // Nobody may change the chain while its child is made: what the child leaves to it would be something else.
      const chain = await openSourceChain(parentPath, child, this.ports);
      if (!chain.ok) return chain;
      const images = chain.value.images.map(({ image }) => image);
      const parent = images[0]!.description;
      try {
        const spec: NewImage = {
          ...this.common({ ...child, logicalSectorSize: parent.logicalSectorSize }),
          type: 'differencing',
          virtualSizeBytes: parent.virtualSizeBytes,
          parent,
        };
        if (child.rawPath === null) return await this.build(child.path, spec, null, null);
        const raw = await files.open(await files.realPath(child.rawPath), 'read');
        try {
          const { sizeBytes } = await raw.stat();
          if (parent.format === 'vhd' && sizeBytes !== parent.virtualSizeBytes)
            return err(otherSize(child.rawPath, sizeBytes, parent));
          if (!isWholeSectors(sizeBytes, parent.logicalSectorSize))
            return err(notWholeSectors(child.rawPath, sizeBytes, parent.logicalSectorSize));
          return await this.build(child.path, { ...spec, virtualSizeBytes: sizeBytes }, raw, chain.value.view);
        } finally {
          await raw.close();
        }
      } finally {
        await chain.value.close();
      }
    });
  }

  private base(disk: NewDisk, virtualSizeBytes: number): NewImage {
    return { ...this.common(disk), type: disk.type, virtualSizeBytes, parent: null };
  }

  private common({
    blockSizeBytes,
    logicalSectorSize,
  }: Pick<NewDisk, 'blockSizeBytes' | 'logicalSectorSize'>): Omit<NewImage, 'type' | 'virtualSizeBytes' | 'parent'> {
    const { identifiers, clock } = this.ports;
    return {
      blockSizeBytes,
      logicalSectorSize,
      uniqueId: identifiers.newGuid(),
      timeStampMs: clock.now(),
    };
  }

  private async build(
    wantedPath: string,
    spec: NewImage,
    raw: OpenFile | null,
    parent: ChainView | null,
  ): Promise<Result<ImageDescription, MergeError>> {
    const { files, images } = this.ports;
    const path = await canonicalPath(wantedPath, files);
    if ((await files.stat(path)) !== null) return err(fileExists(path));
    if (raw === null) return await images.create(path, spec);
    return await this.unfinished.publishing(path, async (unfinishedPath) => {
      const created = await images.create(unfinishedPath, spec);
      if (!created.ok) return created;
      const filled = await this.fill(unfinishedPath, raw, parent);
      return filled.ok ? ok({ ...created.value, path }) : filled;
    });
  }

  private async fill(path: string, raw: OpenFile, parent: ChainView | null): Promise<Result<'filled', MergeError>> {
    const destination = await this.ports.images.openDestination(path);
    if (!destination.ok) return destination;
    try {
      await writeRawContent(raw, destination.value, parent, this.ports.identifiers.newGuid());
    } finally {
      await destination.value.close();
    }
    return ok('filled');
  }
}

const isWholeSectors = (sizeBytes: number, sectorSize: number): boolean =>
  sizeBytes > 0 && sizeBytes % sectorSize === 0;

const notWholeSectors = (path: string, sizeBytes: number, sectorSize: number): MergeError =>
  mergeError('invalid-parameter', 'a disk is made of whole sectors', {
    path,
    expected: `a size that is a multiple of ${String(sectorSize)} bytes, and not 0`,
    found: `${String(sizeBytes)} bytes`,
    todo: `Make the raw file longer, for example with \`truncate --size=%${String(sectorSize)} FILE\`.`,
  });

const otherSize = (path: string, sizeBytes: number, parent: ImageDescription): MergeError =>
  mergeError('invalid-parameter', 'the child of a VHD has the size of its parent', {
    path,
    expected: `${String(parent.virtualSizeBytes)} bytes, the size of the disk in ${parent.path}`,
    found: `${String(sizeBytes)} bytes`,
    todo: 'Name a raw file of that size.',
  });
