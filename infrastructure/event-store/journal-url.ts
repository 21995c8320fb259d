import { homedir } from 'node:os';
import { isAbsolute, join, posix, resolve, win32 } from 'node:path';

/** Where a job's events are kept, as `--journal` and `$CHAINFOLD_JOURNAL` name it. `url` has its secrets. */
export type JournalPlace =
  | { readonly kind: 'memory' }
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'kurrentdb'; readonly url: string }
  | { readonly kind: 'postgres'; readonly url: string };

/** The person named a journal that cannot be one: wrong use (exit 2), nothing was touched. */
export class JournalUrlError extends Error {
  /** `url`: as it may be shown. */
  readonly url: string;

  constructor(url: string, reason: string) {
    super(`Journal ${JSON.stringify(redactedUrl(url))}: ${reason}`);
    this.url = redactedUrl(url);
    this.name = 'JournalUrlError';
  }
}

/**
 * `sqlite:PATH`, a plain path, `postgres://…`, `kurrentdb://…` (also called `kurrent`, `kdb` or `esdb`; `+discover` finds a cluster),
 * or `memory:`. A scheme has two letters at least: `C:\journal.db` is a path.
 */
export const parseJournalUrl = (url: string): JournalPlace => {
  const scheme = schemeOf(url);
  if (scheme === undefined) return sqliteAt(url, url);
  const rest = url.slice(scheme.length + 1);
  switch (scheme) {
    case 'sqlite':
      // sqlite:///absolute/path, as other programs write it, has an empty host between the second slash and the third.
      if (/^\/\/[^/]/.test(rest))
        throw new JournalUrlError(url, 'a file has no host; write sqlite:PATH, or sqlite:///PATH with three slashes.');
      return sqliteAt(url, rest.startsWith('///') ? rest.slice(2) : rest);
    case 'memory':
      if (rest !== '') throw new JournalUrlError(url, 'a journal in memory has no name; write memory: alone.');
      return { kind: 'memory' };
    case 'kurrentdb':
    case 'kurrent':
    case 'kdb':
    case 'esdb':
    case 'kurrentdb+discover':
    case 'kurrent+discover':
    case 'kdb+discover':
    case 'esdb+discover':
      if (!/^\/\/[^/?]/.test(rest)) throw new JournalUrlError(url, `expected ${scheme}://HOST:PORT, found no host.`);
      return { kind: 'kurrentdb', url };
    case 'postgres':
    case 'postgresql':
      if (!/^\/\/./.test(rest)) throw new JournalUrlError(url, `expected ${scheme}://HOST/DATABASE, found no host.`);
      return { kind: 'postgres', url };
    default:
      throw new JournalUrlError(
        url,
        `there is no kind of journal called ${scheme}. ${INSTEAD} A path with a colon is written ./${redactedUrl(url)}.`,
      );
  }
};

const INSTEAD = 'Use sqlite:PATH, a path, postgres://HOST/DATABASE, kurrentdb://HOST:PORT, or memory:.';

const schemeOf = (url: string): string | undefined => /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase();

/**
 * The URL as it may be shown and recorded: with `***` where a password stands, before the host or in a parameter. Up to the last
 * at sign, because a password may hold one that was not written as %40: rather too much is hidden than too little.
 */
export const redactedUrl = (url: string): string => {
  // The slashes may have been forgotten: a server's URL has them, and a path that holds an at sign is no URL of a server.
  const start = /^(?:[a-z][a-z0-9+.-]+:\/\/|(?:postgres(?:ql)?|kurrentdb|kurrent|kdb|esdb)(?:\+discover)?:)/i.exec(
    url,
  )?.[0];
  if (start === undefined) return url;
  const rest = url.slice(start.length);
  const at = rest.lastIndexOf('@');
  const colon = rest.slice(0, Math.max(at, 0)).indexOf(':');
  return `${start}${withoutParameterSecrets(colon < 0 ? rest : `${rest.slice(0, colon)}:***${rest.slice(at)}`)}`;
};

const withoutParameterSecrets = (text: string): string =>
  text.replace(/([?&])([^=&#]*)=([^&#]*)/g, (whole, mark: string, name: string) =>
    isSecret(name) ? `${mark}${name}=***` : whole,
  );

/** Letters may be written as %XX, which a driver reads as well; what it cannot read it does not take for a password. */
const isSecret = (name: string): boolean =>
  /pass|pwd|secret|token/i.test(new URLSearchParams(`${name}=`).keys().next().value ?? '');

/** The journal's name that means the same from everywhere on this machine, and may be shown. */
export const journalName = (url: string = defaultJournalUrl()): string => {
  const place = parseJournalUrl(url);
  switch (place.kind) {
    case 'memory':
      return 'memory:';
    case 'sqlite':
      return `sqlite:${place.path}`;
    case 'kurrentdb':
    case 'postgres':
      return redactedUrl(url);
  }
};

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
export const defaultJournalUrl = ({ env, platform, home }: Surroundings = THIS_PROCESS()): string => {
  const { CHAINFOLD_JOURNAL: named } = env;
  if (named !== undefined && named !== '') return named;
  return `sqlite:${join(stateFolderOf({ env, platform, home }), 'journal.db')}`;
};

/** The key that signs the journal's heads: \`$CHAINFOLD_KEY\`, else \`audit-key.pem\` in the same folder as the user's own journal. */
export const defaultKeyPath = (surroundings: Surroundings = THIS_PROCESS()): string => {
  const named = surroundings.env.CHAINFOLD_KEY;
  return named !== undefined && named !== '' ? resolve(named) : join(stateFolderOf(surroundings), 'audit-key.pem');
};

/** A container's user may have none, which the system says by an error. */
const homeOfProcess = (): string => {
  try {
    return homedir();
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) return '';
    throw error;
  }
};

const THIS_PROCESS = (): Surroundings => ({ env: process.env, platform: process.platform, home: homeOfProcess() });

const stateFolderOf = ({ env: { XDG_STATE_HOME: xdg, LOCALAPPDATA: local }, platform, home }: Surroundings): string =>
  join(xdg !== undefined && isAbsolute(xdg) ? xdg : stateFolder(platform, home, local), 'chainfold');

const stateFolder = (platform: NodeJS.Platform, home: string, localAppData: string | undefined): string => {
  if (!(platform === 'win32' ? win32 : posix).isAbsolute(home) && (localAppData ?? '') === '')
    throw new JournalUrlError(
      '',
      'this user has no home folder to keep journal and key in. Name them with --journal and --key, or set XDG_STATE_HOME to an absolute path.',
    );
  if (platform === 'win32')
    return localAppData === undefined || localAppData === '' ? join(home, 'AppData', 'Local') : localAppData;
  return platform === 'darwin' ? join(home, 'Library', 'Application Support') : join(home, '.local', 'state');
};
