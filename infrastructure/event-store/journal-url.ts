import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/** Where a job's events are kept, as `--journal` and `$CHAINFOLD_JOURNAL` name it. */
export type JournalPlace = { readonly kind: 'memory' } | { readonly kind: 'sqlite'; readonly path: string };

/** The person named a journal that cannot be one: wrong use (exit 2), nothing was touched. */
export class JournalUrlError extends Error {
  constructor(
    readonly url: string,
    reason: string,
  ) {
    super(`Journal ${JSON.stringify(url)}: ${reason}`);
    this.name = 'JournalUrlError';
  }
}

/** `sqlite:PATH`, a plain path, or `memory:`. A scheme has two letters at least: `C:\journal.db` is a path. */
export const parseJournalUrl = (url: string): JournalPlace => {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined) return sqliteAt(url, url);
  const rest = url.slice(scheme.length + 1);
  switch (scheme) {
    case 'sqlite':
      // sqlite:///absolute/path, as other programs write it, has an empty host between the second slash and the third.
      return sqliteAt(url, rest.startsWith('///') ? rest.slice(2) : rest);
    case 'memory':
      if (rest !== '') throw new JournalUrlError(url, 'a journal in memory has no name; write memory: alone.');
      return { kind: 'memory' };
    case 'kurrentdb':
    case 'kurrent':
    case 'kdb':
    case 'esdb':
      throw new JournalUrlError(url, `this build does not have KurrentDB journals yet. ${INSTEAD}`);
    case 'postgres':
    case 'postgresql':
      throw new JournalUrlError(url, `this build does not have PostgreSQL journals yet. ${INSTEAD}`);
    default:
      throw new JournalUrlError(
        url,
        `there is no kind of journal called ${scheme}. ${INSTEAD} A path with a colon is written ./${url}.`,
      );
  }
};

const INSTEAD = 'Use sqlite:PATH, a path, or memory:.';

const sqliteAt = (url: string, path: string): JournalPlace => {
  if (path === '')
    throw new JournalUrlError(url, 'the path is empty. Name a file, for example sqlite:/var/lib/chainfold/journal.db.');
  if (path.startsWith(':')) throw new JournalUrlError(url, 'this is no path. For a journal in memory write memory:.');
  if (path.includes('\0')) throw new JournalUrlError(url, 'a path cannot contain a NUL character.');
  return { kind: 'sqlite', path: resolve(path) };
};

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly home: string;
}

/**
 * The journal of someone who names none: `$CHAINFOLD_JOURNAL`, else `journal.db` in the user's folder for state that outlives a
 * restart and belongs to this machine: `$XDG_STATE_HOME/chainfold` where that is set (a relative one does not count, says the
 * XDG Base Directory Specification), `~/.local/state/chainfold`, macOS `~/Library/Application Support/chainfold`, Windows
 * `%LOCALAPPDATA%\chainfold`.
 */
export const defaultJournalUrl = (
  { env, platform, home }: Surroundings = { env: process.env, platform: process.platform, home: homedir() },
): string => {
  const { CHAINFOLD_JOURNAL: named, XDG_STATE_HOME: xdg, LOCALAPPDATA: local } = env;
  if (named !== undefined && named !== '') return named;
  const state = xdg !== undefined && isAbsolute(xdg) ? xdg : stateFolder(platform, home, local);
  return `sqlite:${join(state, 'chainfold', 'journal.db')}`;
};

const stateFolder = (platform: NodeJS.Platform, home: string, localAppData: string | undefined): string => {
  if (platform === 'win32')
    return localAppData === undefined || localAppData === '' ? join(home, 'AppData', 'Local') : localAppData;
  return platform === 'darwin' ? join(home, 'Library', 'Application Support') : join(home, '.local', 'state');
};
