/**
 * The disk images of both formats. What a file is, its content says: one that starts with "vhdxfile" is a VHDX, every other one a
 * VHD or nothing, because a guest writes what it likes into the first sector of a fixed VHD and to the end of a VHDX.
 */
import type {
  DiskImage,
  DiskImages,
  MergeDestination,
  NewImage,
  ParentLink,
  ProbedImage,
  Reparenting,
  ReparentImages,
} from '#application/ports/disk-image';
import type { FileSystem } from '#application/ports/file-system';
import type { ImageDescription } from '#domain/chain/image-description';
import type { HostStyle } from '#domain/chain/parent-candidates';
import type { MergeError } from '#domain/merge-error';
import type { Result } from '#domain/result';
import { refusing } from './file-faults.js';
import { probing } from './opening.js';
import { probeVhd } from './vhd/vhd-probe.js';
import { VhdImages } from './vhd/vhd-images.js';
import { startsLikeVhdx } from './vhdx/open-vhdx.js';
import { probeVhdx } from './vhdx/vhdx-probe.js';
import { VhdxImages } from './vhdx/vhdx-images.js';

const VHDX_NAME = /\.a?vhdx$/i;

export class FormatImages implements DiskImages {
  readonly #vhd: VhdImages;
  readonly #vhdx: VhdxImages;

  /** `newGuid` gives a random GUID, lower case, each time. */
  constructor(
    private readonly files: FileSystem,
    private readonly hostStyle: HostStyle,
    newGuid: () => string,
  ) {
    this.#vhd = new VhdImages(files, hostStyle);
    this.#vhdx = new VhdxImages(files, hostStyle, newGuid);
  }

  open(path: string): Promise<Result<DiskImage, MergeError>> {
    return refusing(path, async () => (await this.#formatOf(path)).open(path));
  }

  openDestination(path: string): Promise<Result<MergeDestination, MergeError>> {
    return refusing(path, async () => (await this.#formatOf(path)).openDestination(path));
  }

  probe(path: string): Promise<ProbedImage | null> {
    return probing(this.files, path, async (file) =>
      (await startsLikeVhdx(file))
        ? await probeVhdx(file, path, this.hostStyle)
        : await probeVhd(file, path, this.hostStyle),
    );
  }

  parentLink(childPath: string, fileWriteGuid: string): Promise<Result<ParentLink, MergeError>> {
    return refusing(childPath, async () => (await this.#formatOf(childPath)).parentLink(childPath, fileWriteGuid));
  }

  reparenting(childPath: string, parent: ImageDescription): Promise<Result<Reparenting, MergeError>> {
    return refusing(childPath, async () => (await this.#formatOf(childPath)).reparenting(childPath, parent));
  }

  /** The images say which format made them: the child need not be there to go on with them. */
  resumeReparenting(childPath: string, images: ReparentImages): Reparenting {
    return 'locatorAfter' in images
      ? this.#vhdx.resumeReparenting(childPath, images)
      : this.#vhd.resumeReparenting(childPath, images);
  }

  /** A new file has no content to go by: its name says what it is to be. */
  create(path: string, spec: NewImage): Promise<Result<ImageDescription, MergeError>> {
    return VHDX_NAME.test(path) ? this.#vhdx.create(path, spec) : this.#vhd.create(path, spec);
  }

  async #formatOf(path: string): Promise<DiskImages> {
    const file = await this.files.open(path, 'read');
    try {
      return (await startsLikeVhdx(file)) ? this.#vhdx : this.#vhd;
    } finally {
      await file.close();
    }
  }
}
