import type { ParentCandidatePath } from '#domain/chain/image-description';
import { mappableText } from '#domain/chain/parent-candidates';
import { isMappable, mappedPath } from '#domain/chain/path-map';
import { err, ok, type Result } from '#domain/result';
import { FileSystemFault, isFault, type FileSystem } from '../ports/file-system.js';
import type { AllowedRoots } from './allowed-roots.js';
import { isInside } from './paths.js';

/** Folders that a stored path may be followed into. To ask about one outside may reach another machine already. */
export type Leading = Pick<AllowedRoots, 'include' | 'maps' | 'inWords'>;

/** Where a parent may lie: a path of this host, or why there is none, and the folders that it must stay in. */
export interface Place {
  readonly path: string | null;
  readonly why: string;
  /** For a person: the path to be tried, or the stored one where this host has none. */
  readonly tried: string;
  /** A Windows path that no map covers. */
  readonly unmapped: string | null;
  readonly include: (path: string) => boolean;
  readonly outside: string;
}

/** A candidate as it is, and where the maps say that it lies, in the order to try. */
export const placesOf = (candidate: ParentCandidatePath, leading: Leading): readonly Place[] => {
  const { path, why } = candidate;
  const stored = mappableText(candidate);
  const mapped = mappedPath(stored, leading.maps);
  const asItIs: Place = {
    path,
    why: why ?? 'it is no path of this host',
    tried: path ?? candidate.stored,
    unmapped: path === null && mapped === null && isMappable(stored) ? stored : null,
    include: (real) => leading.include(real),
    outside: `of the allowed folders (${leading.inWords}); allow its folder with --root`,
  };
  if (mapped === null) return [asItIs];
  const { map } = mapped;
  const byMap: Place = {
    path: mapped.path,
    why: '',
    tried: `${mapped.path}, by the map ${map.stored}=${map.path}`,
    unmapped: null,
    include: (real) => isInside(real, map.path),
    outside: `of the folder of its map (${map.path})`,
  };
  return path === null ? [byMap] : [asItIs, byMap];
};

/** The real path of a place, or why it is not looked at. Nothing is opened. */
export const locate = async (
  { path, why, include, outside }: Place,
  files: FileSystem,
): Promise<Result<string, string>> => {
  if (path === null) return err(why);
  if (!include(path)) return err(`it is outside ${outside}`);
  try {
    const real = await files.realPath(path);
    return include(real) ? ok(real) : err(`it leads out ${outside}`);
  } catch (fault) {
    if (isFault(fault, 'not-found')) return err('nothing is there');
    if (isFault(fault, 'not-a-file')) return err('links lead in a circle there');
    if (isFault(fault, 'access-denied')) return err('this user may not look there');
    throw fault;
  }
};

/** A place that an image names as its parent's, looked up. */
export interface Lead {
  readonly tried: string;
  /** With links resolved; null when nothing can be looked at there. */
  readonly path: string | null;
  /** Why there is no path. */
  readonly why: string | null;
}

/** Where an image's words lead, in the order to try. What the storage cannot answer is one lead that leads nowhere. */
export const leadsOf = async (
  candidates: readonly ParentCandidatePath[],
  leading: Leading,
  files: FileSystem,
): Promise<readonly Lead[]> => {
  const leads: Lead[] = [];
  for (const place of candidates.flatMap((candidate) => placesOf(candidate, leading))) {
    const located = await locatedOrWhy(place, files);
    leads.push({
      tried: place.tried,
      path: located.ok ? located.value : null,
      why: located.ok ? null : located.error,
    });
  }
  return leads;
};

const locatedOrWhy = async (place: Place, files: FileSystem): Promise<Result<string, string>> => {
  try {
    return await locate(place, files);
  } catch (fault) {
    if (fault instanceof FileSystemFault) return err(`it cannot be looked at (${fault.code})`);
    throw fault;
  }
};
