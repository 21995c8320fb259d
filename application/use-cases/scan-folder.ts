import { mergeError, type MergeError } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
import { allowedRoots, type ParentSearch } from '../chain/allowed-roots.js';
import { filesIn, type FoundFile, type PassedOver } from '../chain/files-in-folders.js';
import type { Leading } from '../chain/leads.js';
import type { ChainPorts } from '../chain/open-chain.js';
import { isInside, joinPath } from '../chain/paths.js';
import { atMost } from '../scan/at-most.js';
import { examine, fileKeyOf, type Examined, type ScannedImage } from '../scan/examine-image.js';
import { jobsHere, type JobHere, type JobPorts, type JournalHere } from '../scan/jobs-here.js';
import { isLeftover, leftoversOf, type Leftover, type LeftoverPorts } from '../scan/leftovers.js';
import { chainsOf, type ScannedChain } from '../scan/scanned-chains.js';
import { refusingFaults } from './file-refusal.js';

/** The chains of a folder and of all folders below it. */
export interface FolderScan {
  /** With links resolved. */
  readonly folder: string;
  /** By the path of their base. */
  readonly chains: readonly ScannedChain[];
  readonly leftovers: readonly Leftover[];
  readonly jobs: readonly JobHere[];
  readonly unreadableJobs: JournalHere['unreadable'];
  readonly passedOver: readonly PassedOver[];
}

const AT_A_TIME = 8;
const NO_JOURNAL: JournalHere = { unfinished: [], superseded: new Map(), quarantined: new Set(), unreadable: [] };

/** Looks at all images of a folder, one after the other closed again. Takes no lock and changes nothing. */
export class ScanFolder {
  constructor(private readonly ports: ChainPorts & LeftoverPorts) {}

  /** `journal` is only read; null: nothing is known of jobs. */
  scan(folder: string, search: ParentSearch, journal: JobPorts | null): Promise<Result<FolderScan, MergeError>> {
    return refusingFaults(async () => {
      const { files } = this.ports;
      const real = await files.realPath(folder);
      if ((await files.stat(real))?.kind !== 'folder') return err(noFolder(folder));
      const roots = await allowedRoots([joinPath(real, 'any')], search, files);
      const found = await filesIn({ folders: [], trees: [real] }, files, 'pass over');
      const ours = found.files.filter(({ path }) => isLeftover(path));
      const others = found.files.filter(({ path }) => !isLeftover(path));
      const examined = await this.examineAll(others, new Set(ours.map(({ file }) => fileKeyOf(file))), real, roots);
      const images = examined.flatMap((one) => (one.is === 'image' ? [one.image] : []));
      const isHere = (path: string): boolean => isInside(path, real);
      const known = journal === null ? NO_JOURNAL : await jobsHere(images, isHere, journal);
      return ok({
        folder: real,
        chains: chainsOf(images, known.superseded),
        leftovers: await leftoversOf(ours, known.quarantined, this.ports),
        jobs: known.unfinished,
        unreadableJobs: known.unreadable,
        passedOver: [
          ...found.passedOver,
          ...examined.flatMap((one) => (one.is === 'passed over' ? [one.passedOver] : [])),
        ].sort((one, other) => (one.path < other.path ? -1 : 1)),
      });
    });
  }

  /** The files of the folder, then the parents that they have elsewhere in the allowed folders, and so on down to the bases. */
  private async examineAll(
    files: readonly FoundFile[],
    leftovers: ReadonlySet<string>,
    folder: string,
    leading: Leading,
  ): Promise<readonly Examined[]> {
    const seen = new Set([...leftovers, ...files.map(({ file }) => fileKeyOf(file))]);
    const all: Examined[] = [];
    for (let next = files; next.length > 0;) {
      const examined = await atMost(AT_A_TIME, next, (file) =>
        examine(file, !isInside(file.path, folder), leading, this.ports),
      );
      all.push(...examined);
      next = await this.notSeen(
        examined.flatMap((one) => (one.is === 'image' ? [one.image] : [])),
        seen,
      );
    }
    return all;
  }

  private async notSeen(images: readonly ScannedImage[], seen: Set<string>): Promise<readonly FoundFile[]> {
    const found: FoundFile[] = [];
    for (const { leads, parentPaths } of images) {
      if (leads.every(({ fileKey }) => fileKey === null || seen.has(fileKey))) continue;
      for (const path of parentPaths) {
        const stat = await this.ports.files.stat(path);
        if (stat?.kind !== 'file' || seen.has(fileKeyOf(stat))) continue;
        seen.add(fileKeyOf(stat));
        const { dev, ino, sizeBytes, mtimeNs, mtimeMs } = stat;
        found.push({ path, file: { dev, ino, sizeBytes, mtimeNs }, mtimeMs });
      }
    }
    return found;
  }
}

const noFolder = (path: string): MergeError =>
  mergeError('invalid-parameter', 'this is no folder', {
    path,
    expected: 'a folder with virtual disks in it or below it',
    found: 'a file or a device',
    todo: 'Name a folder. One image and its parents are shown by `chainfold chain`.',
  });
