import type { MergeError } from '#domain/merge-error';
import type { Result } from '#domain/result';
import { folderOf, joinPath, nameOf } from '../chain/paths.js';
import { FileSystemFault, isFault, type FileSystem } from '../ports/file-system.js';
import type { Identifiers } from '../ports/identifiers.js';
import type { HeldLocks, ImageLocks } from '../ports/image-lock.js';

export interface PublishingPorts {
  readonly files: FileSystem;
  readonly locks: ImageLocks;
  readonly identifiers: Identifiers;
}

/**
 * New files that have their name only when they are whole. Guarantees:
 * - What is made lies under a hidden name in the same folder; the name itself is given last, durably, and never takes another
 *   file's place. When the making fails, or is refused, nothing is left.
 * - What a killed process leaves is removed by whoever next makes a file of that name, and nobody removes what somebody still makes:
 *   each making has a file of its own that stays locked to its end (the claim). It is made before all the others and removed after
 *   them. So files without a claim belong to nobody any more. Where nothing can be locked, nothing is removed.
 */
export class UnfinishedFiles {
  constructor(private readonly ports: PublishingPorts) {}

  /** `make` gets a path that ends as `path` does; what it made there, flushed, is `path` from then on. `path` is canonical. */
  async publishing<T>(
    path: string,
    make: (unfinishedPath: string) => Promise<Result<T, MergeError>>,
  ): Promise<Result<T, MergeError>> {
    await this.removeLeftOvers(path);
    const claim = await this.claim(path);
    try {
      const unfinished = `${claim.prefix}part${endingOf(nameOf(path))}`;
      const made = await make(unfinished);
      if (made.ok) await this.publish(unfinished, path);
      return made;
    } finally {
      await this.giveUp(claim);
    }
  }

  /** A link, because a rename would replace a file that somebody made meanwhile. */
  private async publish(unfinished: string, path: string): Promise<void> {
    const { files } = this.ports;
    await files.link(unfinished, path);
    try {
      await files.flushFolder(folderOf(path));
    } catch (fault) {
      // What failed is not there.
      await removed(path, files);
      throw fault;
    }
  }

  private async claim(path: string): Promise<Claim> {
    const { files, identifiers } = this.ports;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const prefix = joinPath(folderOf(path), `${this.markOf(path)}${identifiers.newGuid()}.`);
      const file = await files.create(`${prefix}${CLAIM}`);
      await file.close();
      const locks = await this.lock(prefix);
      if (typeof locks === 'string') continue;
      // Between making and locking it somebody may have taken it for a leftover.
      if ((await files.stat(`${prefix}${CLAIM}`)) !== null) return { prefix, locks };
      await locks.release();
    }
    throw new FileSystemFault('io', 'make', path, { cause: new Error('somebody removes what is made beside it') });
  }

  /** The hidden names go whatever happened. The lock goes last: until then nobody else touches them. */
  private async giveUp({ prefix, locks }: Claim): Promise<void> {
    try {
      await this.removeAllOf(prefix);
    } catch (fault) {
      // What happened before says how it went. What is left here has no lock any more, and the next one removes it.
      if (!(fault instanceof FileSystemFault)) throw fault;
    } finally {
      await locks.release();
    }
  }

  private async removeLeftOvers(path: string): Promise<void> {
    const { files, locks } = this.ports;
    const folder = folderOf(path);
    // Of this host, not of the folder: who else has files open there does not matter for our own locks.
    if ((await locks.missingProtection()).length > 0) return;
    const mark = this.markOf(path);
    const ours = (await files.list(folder)).filter((name) => name.startsWith(mark));
    const prefixes = new Set(ours.map((name) => name.slice(0, mark.length + GUID_LENGTH + 1)));
    for (const prefix of [...prefixes].map((name) => joinPath(folder, name))) {
      const held = await this.lock(prefix);
      if (held === 'held') continue;
      if (held === 'absent') await this.removeAllOf(prefix);
      else await this.giveUp({ prefix, locks: held });
    }
  }

  /** Of one making: the claim goes last. */
  private async removeAllOf(prefix: string): Promise<void> {
    const { files } = this.ports;
    const folder = folderOf(prefix);
    const names = (await files.list(folder)).filter((name) => name.startsWith(nameOf(prefix)));
    for (const name of names) if (name !== nameOf(prefix) + CLAIM) await removed(joinPath(folder, name), files);
    await removed(`${prefix}${CLAIM}`, files);
  }

  private async lock(prefix: string): Promise<HeldLocks | 'held' | 'absent'> {
    try {
      const locks = await this.ports.locks.lockAll([{ path: `${prefix}${CLAIM}`, use: 'write' }]);
      return locks.held ? locks : 'held';
    } catch (fault) {
      if (isFault(fault, 'not-found')) return 'absent';
      // Another user's, or no file at all: nothing that we made.
      if (isFault(fault, 'access-denied') || isFault(fault, 'not-a-file')) return 'held';
      throw fault;
    }
  }

  /** The same for every making of this name, and short, however long the name is. */
  private markOf(path: string): string {
    return `.chainfold-${this.ports.identifiers.nameBased(`unfinished ${nameOf(path)}`)}-`;
  }
}

interface Claim {
  /** All names of this making begin so; with its folder. */
  readonly prefix: string;
  readonly locks: HeldLocks;
}

const CLAIM = 'claim';
const GUID_LENGTH = 36;
const MOST_TRIES = 10;

const removed = async (path: string, files: FileSystem): Promise<void> => {
  try {
    await files.unlink(path);
  } catch (fault) {
    if (!isFault(fault, 'not-found')) throw fault;
  }
};

const endingOf = (name: string): string => (name.includes('.') ? name.slice(name.lastIndexOf('.')) : '');
