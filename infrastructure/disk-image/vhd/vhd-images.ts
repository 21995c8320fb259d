/** VHD disk images. What a file is, its content says, never its name. */
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
import { damagedStructure, type MergeError } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
import { destinationFlaw } from './destination-flaw.js';
import { refusing } from '../file-faults.js';
import { GuardedFile } from '../guarded-file.js';
import { opening, probing } from '../opening.js';
import { creating } from '../whole-file.js';
import { openVhd } from './open-vhd.js';
import { reparentImages } from './reparent-images.js';
import { createVhd } from './vhd-create.js';
import { VhdDestination } from './vhd-destination.js';
import { VhdImage } from './vhd-image.js';
import { probeVhd } from './vhd-probe.js';
import { VhdReparenting } from './vhd-reparenting.js';

export class VhdImages implements DiskImages {
  constructor(
    private readonly files: FileSystem,
    private readonly hostStyle: HostStyle,
  ) {}

  open(path: string): Promise<Result<DiskImage, MergeError>> {
    return opening(this.files, path, 'read', async (file, realPath) => {
      const vhd = await openVhd(file, realPath, this.hostStyle);
      return vhd.ok ? ok(new VhdImage(vhd.value)) : vhd;
    });
  }

  openDestination(path: string): Promise<Result<MergeDestination, MergeError>> {
    return opening(this.files, path, 'read-write', async (file, realPath) => {
      const guarded = new GuardedFile(file);
      const vhd = await openVhd(guarded, realPath, this.hostStyle);
      if (!vhd.ok) return vhd;
      const flaw = await destinationFlaw(vhd.value);
      return flaw === null ? ok(new VhdDestination(vhd.value, guarded)) : err(damagedStructure(realPath, flaw));
    });
  }

  probe(path: string): Promise<ProbedImage | null> {
    return probing(this.files, path, (file) => probeVhd(file, path, this.hostStyle));
  }

  /** A VHD keeps its identity while it is merged into, so no child of it has to learn of another one. */
  parentLink(childPath: string): Promise<Result<ParentLink, MergeError>> {
    const bug = `Bug: the link of ${childPath} is to change, but the parent of a VHD keeps its identity`;
    return Promise.reject(new RangeError(bug));
  }

  reparenting(childPath: string, parent: ImageDescription): Promise<Result<Reparenting, MergeError>> {
    return refusing(childPath, async () => {
      const images = await reparentImages(this.files, childPath, parent, this.hostStyle);
      if (!images.ok) return images;
      const { realPath, value } = images.value;
      return ok(new VhdReparenting(this.files, realPath, value, this.hostStyle));
    });
  }

  resumeReparenting(childPath: string, images: ReparentImages): Reparenting {
    return new VhdReparenting(this.files, childPath, images, this.hostStyle);
  }

  create(path: string, spec: NewImage): Promise<Result<ImageDescription, MergeError>> {
    const { files, hostStyle } = this;
    return creating(
      { files, hostStyle, path },
      (finalPath, folder) => createVhd(files, finalPath, folder, spec, hostStyle),
      (finalPath) => this.open(finalPath),
    );
  }
}
