import type { DiskImage, DiskItem, Finding, InspectedStructure, SuppliedRun } from '#application/ports/disk-image';
import type { ImageDescription } from '#domain/chain/image-description';
import type { MergeError } from '#domain/merge-error';
import type { SectorRun } from '#domain/sector-run';

/** What is written to reads as the image that it is: everything about reading is asked of that. */
export abstract class ReadsAsImage implements DiskImage {
  /** As it is now; another one when what it says of itself has changed. */
  protected abstract readonly image: DiskImage;

  get description(): ImageDescription {
    return this.image.description;
  }

  supplied(range: SectorRun): Promise<readonly SuppliedRun[]> {
    return this.image.supplied(range);
  }

  nextSupplied(from: number): Promise<number | null> {
    return this.image.nextSupplied(from);
  }

  nextData(from: number): Promise<number | null> {
    return this.image.nextData(from);
  }

  read(run: SectorRun, into: Uint8Array): Promise<void> {
    return this.image.read(run, into);
  }

  diskItems(): Promise<readonly DiskItem[]> {
    return this.image.diskItems();
  }

  writeRefusal(): MergeError | null {
    return this.image.writeRefusal();
  }

  inspect(): Promise<readonly InspectedStructure[]> {
    return this.image.inspect();
  }

  validate(): Promise<readonly Finding[]> {
    return this.image.validate();
  }

  settle(): Promise<'dropped' | 'kept'> {
    return this.image.settle();
  }

  close(): Promise<void> {
    return this.image.close();
  }
}
