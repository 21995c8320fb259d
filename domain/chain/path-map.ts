/**
 * Where paths that a program on another machine stored lie on this one. Text only: whether anything is there, and whether links lead
 * out of the folder, is asked by whoever opens it.
 *
 * Guarantees:
 * - A mapped path is below the map's folder: `..` in what is left of a path stops there.
 * - Windows' rules to compare: case does not count, `/` is `\`, and a map covers whole components (`C:\VM` does not cover `C:\VMs`).
 * - The longest map wins; of equally long ones the first.
 */

/** `C:\VMs` is `/srv/vms`. */
export interface PathMap {
  /** A drive, a folder on a drive, a share (`\\server\share`) or a volume (`\\?\Volume{…}`), as Windows writes it. */
  readonly stored: string;
  /** A folder of this host, absolute. */
  readonly path: string;
}

/** Where a stored path lies, and by which map. */
export interface MappedPath {
  readonly path: string;
  readonly map: PathMap;
}

/** Null when no map covers the path, when it is no absolute Windows path, and when it names the map's folder itself. */
export const mappedPath = (stored: string, maps: readonly PathMap[]): MappedPath | null => {
  const components = placeOf(stored);
  if (components === null) return null;
  const [longest] = maps
    .flatMap((map) => {
      const prefix = placeOf(map.stored);
      return prefix !== null && startsWith(components, prefix) ? [{ map, length: prefix.length }] : [];
    })
    .sort((one, other) => other.length - one.length);
  if (longest === undefined) return null;
  const below = withoutDots(components.slice(longest.length));
  return below.length === 0 ? null : { path: pathBelow(longest.map.path, below), map: longest.map };
};

/** Can a map be made for this: is it a place as Windows names it, without `.` and `..`? */
export const isMappable = (stored: string): boolean =>
  placeOf(stored)?.every((name) => name !== '.' && name !== '..') === true;

/**
 * The components of an absolute Windows path, the first one its root: `C:`, `\\server\share`, `\\?\Volume{…}`. With `\\?\` before
 * them a drive and a share are what they are without. Null for every other path.
 */
const placeOf = (stored: string): readonly string[] | null => {
  if (stored.includes('\0')) return null;
  const path = stored
    .replaceAll('/', '\\')
    .replace(/^\\\\[?.]\\UNC\\/i, '\\\\')
    .replace(/^\\\\[?.]\\(?=[a-z]:)/i, '');
  const root = ROOT.exec(path)?.[0];
  if (root === undefined) return null;
  return [
    root,
    ...path
      .slice(root.length)
      .split('\\')
      .filter((name) => name !== ''),
  ];
};

/** A drive (`C:` alone or with a `\` behind it), a volume, a share. Neither `?` nor `.` is a server. */
const ROOT = /^(?:[a-z]:(?=\\|$)|\\\\\?\\Volume\{[0-9a-f-]{36}\}(?=\\|$)|\\\\(?![?.]\\)[^\\]+\\[^\\]+)/i;

const startsWith = (components: readonly string[], prefix: readonly string[]): boolean =>
  prefix.length <= components.length &&
  prefix.every((name, index) => name.toLowerCase() === components[index]!.toLowerCase());

const withoutDots = (names: readonly string[]): readonly string[] => {
  const kept: string[] = [];
  for (const name of names) {
    if (name === '..') kept.pop();
    else if (name !== '.') kept.push(name);
  }
  return kept;
};

const pathBelow = (folder: string, names: readonly string[]): string => {
  const separator = folder.includes('\\') && !folder.includes('/') ? '\\' : '/';
  return [folder.replace(/[\\/]+$/, ''), ...names].join(separator);
};
