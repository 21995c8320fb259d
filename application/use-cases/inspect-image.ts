import type { ImageDescription } from '#domain/chain/image-description';
import type { MergeError } from '#domain/merge-error';
import { ok, type Result } from '#domain/result';
import { allowedRoots, type ParentSearch } from '../chain/allowed-roots.js';
import { ChainView } from '../chain/chain-view.js';
import { openChain, type ChainPorts } from '../chain/open-chain.js';
import { chunkedDigest, plainDigest } from '../chain/view-digest.js';
import type { Digests } from '../ports/digests.js';
import type { DiskImage, Finding, InspectedStructure } from '../ports/disk-image.js';
import { refusingFaults } from './file-refusal.js';

export interface InspectedImage {
  readonly description: ImageDescription;
  readonly structures: readonly InspectedStructure[];
}

export interface ValidatedImage {
  readonly description: ImageDescription;
  readonly findings: readonly Finding[];
}

export interface DigestedView {
  readonly description: ImageDescription;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** Looks at images and changes nothing, not even for the moment: no locks, no journal. Paths are absolute. */
export class InspectImage {
  constructor(private readonly ports: ChainPorts & { readonly digests: Digests }) {}

  inspect(path: string): Promise<Result<InspectedImage, MergeError>> {
    return this.withImage(path, async (image) => ({
      description: image.description,
      structures: await image.inspect(),
    }));
  }

  /** The deep check of one file. What keeps it from being opened at all is the error. */
  validate(path: string): Promise<Result<ValidatedImage, MergeError>> {
    return this.withImage(path, async (image) => ({
      description: image.description,
      findings: await image.validate(),
    }));
  }

  /** The image and everything below it, leaf first. The errors are those that a merge would give. */
  chain(path: string, search: ParentSearch): Promise<Result<readonly ImageDescription[], MergeError>> {
    return this.withChain(path, search, async (images) => images.map(({ description }) => description));
  }

  /** SHA-256 of what the guest sees through the chain; `onRead` is told how many bytes were read. */
  digest(
    path: string,
    search: ParentSearch,
    kind: 'plain' | 'chunked',
    onRead: (bytes: number) => void = () => undefined,
  ): Promise<Result<DigestedView, MergeError>> {
    return this.withChain(path, search, async (images) => {
      const view = new ChainView(images);
      const digest = kind === 'plain' ? plainDigest : chunkedDigest;
      return { description: images[0]!.description, sha256: await digest(view, this.ports.digests, onRead) };
    });
  }

  private withImage<T>(path: string, look: (image: DiskImage) => Promise<T>): Promise<Result<T, MergeError>> {
    return refusingFaults(async () => {
      const image = await this.ports.images.open(await this.ports.files.realPath(path));
      if (!image.ok) return image;
      try {
        return ok(await look(image.value));
      } finally {
        await image.value.close();
      }
    });
  }

  private withChain<T>(
    path: string,
    search: ParentSearch,
    look: (images: readonly DiskImage[]) => Promise<T>,
  ): Promise<Result<T, MergeError>> {
    return refusingFaults(async () => {
      const leaf = await this.ports.files.realPath(path);
      const chain = await openChain(leaf, await allowedRoots([leaf], search, this.ports.files), this.ports);
      if (!chain.ok) return chain;
      try {
        return ok(await look(chain.value.images.map(({ image }) => image)));
      } finally {
        await chain.value.close();
      }
    });
  }
}
