import type { FoundFile } from '../chain/files-in-folders.js';
import { folderOf, joinPath, nameOf } from '../chain/paths.js';
import type { FileSystem } from '../ports/file-system.js';
import type { ImageLocks } from '../ports/image-lock.js';

/** A file that this program made or renamed, found by its name. */
export interface Leftover {
  readonly path: string;
  /** `being-made`: somebody holds its claim. `unfinished`: of a file that was being made. `quarantine`: a merged image. */
  readonly kind: 'being-made' | 'unfinished' | 'quarantine';
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** The job in the name of a quarantined image. */
  readonly jobId: string | null;
  /**
   * Is it known that nobody needs it? `quarantine`: the journal says that this job completed and put it there. `unfinished`: this
   * program gave it its name, and nobody can be making it any more. A name alone proves nothing.
   */
  readonly isConfirmed: boolean;
}

export interface LeftoverPorts {
  readonly files: FileSystem;
  readonly locks: Pick<ImageLocks, 'holdersOf' | 'missingProtection'>;
}

const GUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const QUARANTINE = new RegExp(`\\.merged-(${GUID})$`);
/** What all files of one making have in common; the one that is locked to its end is `claim`. */
const MAKING = new RegExp(`^\\.chainfold-${GUID}-${GUID}\\.`);

export const isLeftover = (path: string): boolean => isUnfinished(path) || QUARANTINE.test(path);

const isUnfinished = (path: string): boolean => nameOf(path).startsWith('.chainfold-');

/** `found` are files whose names make them leftovers. Takes no lock: the claims are looked at once, all together. */
export const leftoversOf = async (
  found: readonly FoundFile[],
  quarantined: ReadonlySet<string>,
  ports: LeftoverPorts,
): Promise<readonly Leftover[]> => {
  const makings = await makingsOf(
    found.flatMap(({ path }) => claimOf(path) ?? []),
    ports,
  );
  const leftovers: Leftover[] = [];
  for (const { path, file, mtimeMs } of found) {
    // A making may have come to its end while we looked: what it removed is no leftover.
    if (isUnfinished(path) && (await ports.files.stat(path)) === null) continue;
    const claim = claimOf(path);
    const about = isUnfinished(path)
      ? { jobId: null, ...howUnfinished(claim === null ? 'unknown' : makings.get(claim)!) }
      : { jobId: QUARANTINE.exec(path)![1]!, kind: 'quarantine' as const, isConfirmed: quarantined.has(path) };
    leftovers.push({ path, sizeBytes: file.sizeBytes, mtimeMs, ...about });
  }
  return leftovers;
};

/** `over`: nobody makes it any more. */
type Making = 'at-work' | 'over' | 'unknown';

const howUnfinished = (making: Making): Pick<Leftover, 'kind' | 'isConfirmed'> =>
  making === 'at-work'
    ? { kind: 'being-made', isConfirmed: false }
    : { kind: 'unfinished', isConfirmed: making === 'over' };

/** Null for a name that this program does not give. */
const claimOf = (path: string): string | null => {
  const prefix = MAKING.exec(nameOf(path))?.[0];
  return prefix === undefined ? null : joinPath(folderOf(path), `${prefix}claim`);
};

/** A making holds its claim to its end, and removes it last: without one, and with one that nobody has, it is over. */
const makingsOf = async (
  claims: readonly string[],
  { files, locks }: LeftoverPorts,
): Promise<ReadonlyMap<string, Making>> => {
  if (claims.length === 0) return new Map();
  const holders = await locks.holdersOf(claims);
  const held = new Set(holders.filter(({ writes }) => writes).map(({ path }) => path));
  const isBlind = (await locks.missingProtection(claims)).length > 0;
  const makings = new Map<string, Making>();
  for (const claim of new Set(claims)) {
    if (held.has(claim)) makings.set(claim, 'at-work');
    else makings.set(claim, isBlind && (await files.stat(claim)) !== null ? 'unknown' : 'over');
  }
  return makings;
};
