import { ContainerModule } from 'inversify';
import type { Clock } from '#application/ports/clock';
import type { Digests } from '#application/ports/digests';
import type { DiskImages } from '#application/ports/disk-image';
import type { FileSystem } from '#application/ports/file-system';
import type { Identifiers } from '#application/ports/identifiers';
import type { ImageLocks } from '#application/ports/image-lock';
import { ConvertImage } from '#application/use-cases/convert-image';
import { CreateImage } from '#application/use-cases/create-image';
import { InspectImage } from '#application/use-cases/inspect-image';
import { ScanFolder } from '#application/use-cases/scan-folder';
import { FormatImages } from '../disk-image/format-images.js';
import { NodeFileSystem } from '../file-system/node-file-system.js';
import { OfdImageLocks } from '../locks/ofd-image-locks.js';
import { NodeClock } from '../platform/node-clock.js';
import { NodeDigests } from '../platform/node-digests.js';
import { NodeIdentifiers } from '../platform/node-identifiers.js';
import * as ids from './identifiers.js';

/** This machine: files and who has them, time, chance. */
export const machine = new ContainerModule(({ bind }) => {
  bind(ids.FILE_SYSTEM).toResolvedValue(() => new NodeFileSystem());
  bind(ids.IMAGE_LOCKS).toResolvedValue(() => new OfdImageLocks());
  bind(ids.CLOCK).toResolvedValue(() => new NodeClock());
  bind(ids.DIGESTS).toResolvedValue(() => new NodeDigests());
  bind(ids.IDENTIFIERS).toResolvedValue(() => new NodeIdentifiers());
});

export const formats = new ContainerModule(({ bind }) => {
  bind(ids.DISK_IMAGES).toResolvedValue(
    (files: FileSystem, identifiers: Identifiers) =>
      new FormatImages(files, process.platform === 'win32' ? 'windows' : 'posix', () => identifiers.newGuid()),
    [ids.FILE_SYSTEM, ids.IDENTIFIERS],
  );
});

export const imageUseCases = new ContainerModule(({ bind }) => {
  bind(ids.INSPECT_IMAGE).toResolvedValue(
    (files: FileSystem, images: DiskImages, digests: Digests) => new InspectImage({ files, images, digests }),
    [ids.FILE_SYSTEM, ids.DISK_IMAGES, ids.DIGESTS],
  );
  bind(ids.SCAN_FOLDER).toResolvedValue(
    (files: FileSystem, images: DiskImages, locks: ImageLocks) => new ScanFolder({ files, images, locks }),
    [ids.FILE_SYSTEM, ids.DISK_IMAGES, ids.IMAGE_LOCKS],
  );
  bind(ids.CREATE_IMAGE).toResolvedValue(
    (files: FileSystem, images: DiskImages, locks: ImageLocks, identifiers: Identifiers, clock: Clock) =>
      new CreateImage({ files, images, locks, identifiers, clock }),
    [ids.FILE_SYSTEM, ids.DISK_IMAGES, ids.IMAGE_LOCKS, ids.IDENTIFIERS, ids.CLOCK],
  );
  bind(ids.CONVERT_IMAGE).toResolvedValue(
    (
      files: FileSystem,
      images: DiskImages,
      locks: ImageLocks,
      digests: Digests,
      identifiers: Identifiers,
      clock: Clock,
    ) => new ConvertImage({ files, images, locks, digests, identifiers, clock }),
    [ids.FILE_SYSTEM, ids.DISK_IMAGES, ids.IMAGE_LOCKS, ids.DIGESTS, ids.IDENTIFIERS, ids.CLOCK],
  );
});
