import type { FileIdentity } from '#domain/chain/image-description';
import { FileSystemFault, isFault, type FileStat, type FileSystem } from '../ports/file-system.js';
import { joinPath } from './paths.js';

/** Where disks are looked for: in folders, and in trees with all that is below them. Links are not followed. */
export interface SearchPlaces {
  readonly folders: readonly string[];
  readonly trees: readonly string[];
}

export interface FoundFile {
  readonly path: string;
  readonly file: FileIdentity;
  /** Of the last change, in milliseconds since 1970. */
  readonly mtimeMs: number;
}

/** Something that was not looked into. `hides`: a disk may be there all the same. */
export interface PassedOver {
  readonly path: string;
  readonly why: string;
  readonly hides: boolean;
}

export interface FoundFiles {
  /** Each file once, by the first of its names. */
  readonly files: readonly FoundFile[];
  readonly passedOver: readonly PassedOver[];
}

/** No real tree of images is deeper, or larger. */
const DEEPEST_FOLDER = 32;
const MOST_FILES = 1_000_000;

/** So that a new file is known by its own name while it still has the hidden one that it was made under. */
const visibleFirst = (one: string, other: string): number =>
  Number(one.startsWith('.')) - Number(other.startsWith('.')) || (one < other ? -1 : 1);

/** `pass over`: what the storage cannot read is passed over like what this user may not read. */
type Unreadable = 'throw' | 'pass over';

/** All files in these places, by folder and name, hidden names last. What vanishes meanwhile was not there. */
export const filesIn = async (
  { folders, trees }: SearchPlaces,
  files: FileSystem,
  unreadable: Unreadable = 'throw',
): Promise<FoundFiles> => {
  const search = new Search(files, unreadable);
  for (const folder of new Set(folders)) await search.look(folder, null);
  for (const tree of new Set(trees)) await search.look(tree, DEEPEST_FOLDER);
  return search;
};

class Search implements FoundFiles {
  readonly files: FoundFile[] = [];
  readonly passedOver: PassedOver[] = [];
  readonly #seen = new Map<string, string>();

  constructor(
    private readonly system: FileSystem,
    private readonly unreadable: Unreadable,
  ) {}

  /** `deeper`: levels of folders to go down from here; null for a folder whose own folders do not count. */
  async look(folder: string, deeper: number | null): Promise<void> {
    const names = await this.asked(folder, () => this.system.list(folder));
    for (const name of [...(names ?? [])].sort(visibleFirst)) {
      if (this.files.length >= MOST_FILES) {
        this.passOver(folder, `more than ${MOST_FILES} files`, true);
        return;
      }
      const path = joinPath(folder, name);
      const stat = await this.asked(path, () => this.system.stat(path));
      if (stat?.kind === 'folder') await this.below(path, deeper);
      else if (stat !== null) this.take(path, stat);
    }
  }

  private async below(path: string, deeper: number | null): Promise<void> {
    if (deeper === null) return;
    if (deeper > 0) await this.look(path, deeper - 1);
    else this.passOver(path, `a folder more than ${DEEPEST_FOLDER} deep`, true);
  }

  private take(path: string, { kind, dev, ino, sizeBytes, mtimeNs, mtimeMs }: FileStat): void {
    if (kind !== 'file') {
      const why = kind === 'link' ? 'a link, which is not followed' : 'neither a file nor a folder';
      this.passOver(path, why, false);
      return;
    }
    const key = `${dev}:${ino}`;
    const first = this.#seen.get(key);
    if (first === undefined) {
      this.#seen.set(key, path);
      this.files.push({ path, file: { dev, ino, sizeBytes, mtimeNs }, mtimeMs });
    } else if (first !== path) {
      this.passOver(path, `another name of ${first}`, false);
    }
  }

  private async asked<T>(path: string, ask: () => Promise<T>): Promise<T | null> {
    try {
      return await ask();
    } catch (fault) {
      // A file or folder that went, or became something else, while the search came by.
      if (isFault(fault, 'not-found') || isFault(fault, 'not-a-file')) return null;
      if (isFault(fault, 'access-denied')) this.passOver(path, 'this user may not look into it', true);
      else if (this.unreadable === 'pass over' && fault instanceof FileSystemFault)
        this.passOver(path, `it cannot be read: ${fault.message}`, true);
      else throw fault;
      return null;
    }
  }

  private passOver(path: string, why: string, hides: boolean): void {
    this.passedOver.push({ path, why, hides });
  }
}
