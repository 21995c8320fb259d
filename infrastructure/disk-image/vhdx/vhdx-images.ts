/** VHDX disk images. What a file is, its content says, never its name. */
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
import { err, ok, type Result } from '#domain/result';
import { GuardedFile } from '../guarded-file.js';
import { opening, probing } from '../opening.js';
import { creating } from '../whole-file.js';
import { openVhdx } from './open-vhdx.js';
import { createVhdx } from './vhdx-create.js';
import { VhdxDestination } from './vhdx-destination.js';
import { VhdxImage } from './vhdx-image.js';
import { VhdxParentLink } from './vhdx-parent-link.js';
import { probeVhdx } from './vhdx-probe.js';
import { VhdxReparenting } from './vhdx-reparenting.js';
import { sessionRefusal } from './vhdx-session.js';

export class VhdxImages implements DiskImages {
  /** `newGuid` gives a random GUID, lower case, each time. */
  constructor(
    private readonly files: FileSystem,
    private readonly hostStyle: HostStyle,
    private readonly newGuid: () => string,
  ) {}

  open(path: string): Promise<Result<DiskImage, MergeError>> {
    return opening(this.files, path, 'read', async (file, realPath) => {
      const vhdx = await openVhdx(file, realPath, this.hostStyle);
      return vhdx.ok ? ok(new VhdxImage(vhdx.value)) : vhdx;
    });
  }

  openDestination(path: string): Promise<Result<MergeDestination, MergeError>> {
    return opening(this.files, path, 'read-write', async (file, realPath) => {
      const guarded = new GuardedFile(file);
      const vhdx = await openVhdx(guarded, realPath, this.hostStyle);
      if (!vhdx.ok) return vhdx;
      const refusal = sessionRefusal(vhdx.value);
      return refusal === null ? ok(new VhdxDestination(vhdx.value, guarded, this.newGuid)) : err(refusal);
    });
  }

  probe(path: string): Promise<ProbedImage | null> {
    return probing(this.files, path, (file) => probeVhdx(file, path, this.hostStyle));
  }

  parentLink(childPath: string, fileWriteGuid: string): Promise<Result<ParentLink, MergeError>> {
    return VhdxParentLink.open(this.files, childPath, fileWriteGuid, this.hostStyle, this.newGuid);
  }

  reparenting(childPath: string, parent: ImageDescription): Promise<Result<Reparenting, MergeError>> {
    return VhdxReparenting.plan(this.files, childPath, parent, this.hostStyle, this.newGuid);
  }

  resumeReparenting(childPath: string, images: ReparentImages): Reparenting {
    return new VhdxReparenting(this.files, childPath, images, this.hostStyle, this.newGuid);
  }

  create(path: string, spec: NewImage): Promise<Result<ImageDescription, MergeError>> {
    const { files, hostStyle } = this;
    return creating(
      { files, hostStyle, path },
      (finalPath, folder) => createVhdx(files, finalPath, folder, spec, hostStyle, this.newGuid),
      (finalPath) => this.open(finalPath),
    );
  }
}
