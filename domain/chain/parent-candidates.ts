/**
 * From what a child's file says about its parent to the paths to try, in order. Text only: nothing here asks a file system, and
 * nothing here decides whether a path may be opened.
 *
 * Guarantees:
 * - A VHD's order is W2ru, W2ku, MacX, then the file name in the Parent Unicode Name, looked for beside the child.
 * - A VHDX's order is relative_path, volume_path, absolute_win32_path.
 * - A path that this host cannot have is not guessed at: it is listed with the reason, so that a person can be told.
 */
import type { DecodedLocator } from '../disk-format/vhd/parent-locator.js';
import type { StoredPath } from '../disk-format/vhdx/parent-locator.js';

export type HostStyle = 'posix' | 'windows';

export type CandidateSource = 'W2ru' | 'W2ku' | 'MacX' | 'parent name' | StoredPath['key'];

export interface ParentCandidate {
  readonly source: CandidateSource;
  /** What the child's file holds. */
  readonly stored: string;
  /** The path to try, or null when this host cannot have it. */
  readonly path: string | null;
  /** Why there is no path. */
  readonly why: string | null;
}

interface Child {
  /** As the host names it; relative paths resolve against its folder. */
  readonly childPath: string;
  readonly hostStyle: HostStyle;
}

export interface StoredParent extends Child {
  readonly locators: readonly DecodedLocator[];
  /** The Parent Unicode Name: a file name (XenServer) or a whole path (Windows). */
  readonly unicodeName: string;
}

interface SplitPath {
  /** `/`, `C:\`, `\\server\share\`, `\\?\C:\`, …; empty for a relative path. */
  readonly root: string;
  readonly segments: readonly string[];
}

/** The whole Windows path that a candidate's words hold, for a map to be looked up for; other words are given back as they are. */
export const mappableText = ({ source, stored }: { readonly source: string; readonly stored: string }): string =>
  source === 'MacX' ? stored.replace(URL_WITH_DRIVE, '') : stored;

type Resolved = Pick<ParentCandidate, 'path' | 'why'>;

const LOCATOR_ORDER = ['W2ru', 'W2ku', 'MacX'] as const;

export const parentCandidates = (parent: StoredParent): readonly ParentCandidate[] => {
  const located = LOCATOR_ORDER.flatMap((source) =>
    parent.locators
      .filter(({ code }) => code === source)
      .map(({ path: stored }) => ({ source, stored, ...resolveStored(parent, source, stored) })),
  );
  return withoutDuplicates([...located, ...namedCandidates(parent)]);
};

export interface StoredVhdxParent extends Child {
  /** As `storedPathsOf` gives them, which is the order to try them in. */
  readonly stored: readonly StoredPath[];
}

/** All keys hold Windows paths; a relative one is resolved as VHD's are. */
export const vhdxParentCandidates = (parent: StoredVhdxParent): readonly ParentCandidate[] =>
  withoutDuplicates(
    parent.stored.map(({ key: source, value: stored }) => ({
      source,
      stored,
      ...resolveStored(parent, source, stored),
    })),
  );

const withoutDuplicates = (candidates: readonly ParentCandidate[]): readonly ParentCandidate[] => {
  const same = (one: ParentCandidate, other: ParentCandidate): boolean =>
    one.path === null ? other.path === null && one.stored === other.stored : one.path === other.path;
  return candidates.filter((candidate, n) => candidates.findIndex((earlier) => same(earlier, candidate)) === n);
};

const unusable = (why: string): Resolved => ({ path: null, why });

const WINDOWS_ABSOLUTE = /^(?:[A-Za-z]:[\\/]|\\\\)/;
const DRIVE_RELATIVE = /^[A-Za-z]:/;
const URL_WITH_DRIVE = /^\/(?=[A-Za-z]:[\\/])/;

const resolveStored = ({ childPath, hostStyle }: Child, source: CandidateSource, stored: string): Resolved => {
  if (stored.includes('\0')) return unusable('it has a NUL character in it');
  const path = mappableText({ source, stored });
  if (WINDOWS_ABSOLUTE.test(path)) {
    if (hostStyle === 'posix') return unusable('it is an absolute Windows path, which names nothing on this system');
    return { path: normalised(path, hostStyle), why: null };
  }
  if (DRIVE_RELATIVE.test(path)) return unusable('it is relative to the current folder of a Windows drive');
  if (path.startsWith('\\')) {
    if (hostStyle === 'posix')
      return unusable('it starts at the root of a Windows drive, which names nothing on this system');
    return { path: normalised(split(childPath, hostStyle).root + path, hostStyle), why: null };
  }
  if (path.startsWith('/')) {
    if (hostStyle === 'windows') return unusable('it is an absolute path of another system than Windows');
    return { path: normalised(path, hostStyle), why: null };
  }
  // A URL has `/` between its parts, and on POSIX a `\` in it is part of a name.
  return { path: besideChild(childPath, hostStyle, source === 'MacX' ? path : path.replaceAll('\\', '/')), why: null };
};

const namedCandidates = ({ childPath, hostStyle, unicodeName: stored }: StoredParent): readonly ParentCandidate[] => {
  const source = 'parent name';
  const name = stored.split(/[\\/]/).at(-1) ?? '';
  if (stored === '') return [];
  if (name === '' || name === '.' || name === '..') return [{ source, stored, ...unusable('it has no file name') }];
  if (name.includes('\0')) return [{ source, stored, ...unusable('it has a NUL character in it') }];
  return [{ source, stored, path: besideChild(childPath, hostStyle, name), why: null }];
};

const WINDOWS_ROOT = /^(?:\\\\\?\\UNC\\[^\\]+\\[^\\]+|\\\\\?\\[^\\]+|\\\\[^\\]+\\[^\\]+|[A-Za-z]:)(?:\\|$)|^\\/i;

const split = (path: string, hostStyle: HostStyle): SplitPath => {
  const separator = hostStyle === 'windows' ? '\\' : '/';
  const text = hostStyle === 'windows' ? path.replaceAll('/', '\\') : path;
  const found = hostStyle === 'windows' ? (WINDOWS_ROOT.exec(text)?.[0] ?? '') : text.startsWith('/') ? '/' : '';
  const root = found === '' || found.endsWith(separator) ? found : found + separator;
  return { root, segments: withoutDots(text.slice(found.length).split(separator), root !== '') };
};

/** `.` and `..` taken out by text alone; above a root there is nothing, above a relative path `..` stays. */
const withoutDots = (segments: readonly string[], rooted: boolean): readonly string[] => {
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === '' || segment === '.') continue;
    const goesUp = segment === '..';
    if (goesUp && kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (!goesUp || !rooted) kept.push(segment);
  }
  return kept;
};

const joined = ({ root, segments }: SplitPath, hostStyle: HostStyle): string => {
  const path = root + segments.join(hostStyle === 'windows' ? '\\' : '/');
  return path === '' ? '.' : path;
};

const normalised = (path: string, hostStyle: HostStyle): string => joined(split(path, hostStyle), hostStyle);

const folderOf = (path: string, hostStyle: HostStyle): SplitPath => {
  const { root, segments } = split(path, hostStyle);
  return { root, segments: segments.slice(0, -1) };
};

const besideChild = (childPath: string, hostStyle: HostStyle, relative: string): string => {
  const { root, segments } = folderOf(childPath, hostStyle);
  const more = relative.split(hostStyle === 'windows' ? /[\\/]/ : '/');
  return joined({ root, segments: withoutDots([...segments, ...more], root !== '') }, hostStyle);
};

/**
 * The path from a child to its parent as W2ru stores it: `.\base.vhd`, `..\golden\base.vhd`. Both paths are the host's, absolute
 * or relative to one folder, without symbolic links. Null when there is none: two drives, or a name with a `\` in it.
 */
export const relativeStoredPath = (childPath: string, parentPath: string, hostStyle: HostStyle): string | null => {
  const folder = folderOf(childPath, hostStyle);
  const parent = split(parentPath, hostStyle);
  const key = (text: string): string => (hostStyle === 'windows' ? text.toLowerCase() : text);
  if (key(folder.root) !== key(parent.root) || parent.segments.length === 0) return null;
  const atMost = Math.min(folder.segments.length, parent.segments.length - 1);
  let common = 0;
  while (common < atMost && key(folder.segments[common]!) === key(parent.segments[common]!)) common += 1;
  const up = folder.segments.slice(common);
  const down = parent.segments.slice(common);
  if (up.includes('..') || down.some((segment) => segment.includes('\\'))) return null;
  return [...(up.length === 0 ? ['.'] : up.map(() => '..')), ...down].join('\\');
};
