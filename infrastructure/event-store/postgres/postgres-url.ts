import { JournalUrlError, redactedUrl } from '../journal-url.js';

/**
 * The URL as it may be shown: without the password, and without the parameters, which may hold one too.
 * What the driver could not read is not shown beyond its scheme.
 */
export const redactedPostgresUrl = (url: string): string => {
  if (partsOf(url) === null) return `${/^[a-z]+:/i.exec(url)?.[0] ?? ''}…`;
  // Not by its parts: a password with a slash or a hash that was not written as %XX is a port and a path to a parser.
  const shown = redactedUrl(url);
  const at = shown.lastIndexOf('@');
  return at < 0 ? shown.replace(/[?#].*$/s, '') : shown.slice(0, at) + shown.slice(at).replace(/[?#].*$/s, '');
};

/** Throws a `JournalUrlError` for a URL that the driver could not read, or would read as another kind of place. */
export const assertPostgresUrl = (url: string): void => {
  if (partsOf(url) !== null) return;
  throw new JournalUrlError(
    redactedPostgresUrl(url),
    `it names no PostgreSQL journal. Expected postgres://USER@HOST:PORT/DATABASE; a character that means something in a URL is written %XX.`,
  );
};

/** `postgres://user@/database?host=/folder` has no host, which a URL may not have beside a user: the driver reads it, so it is read here. */
const partsOf = (url: string): URL | null => {
  if (!/^postgres(ql)?:/i.test(url)) return null;
  const spelling = [url, url.replace('@/', '@socket/')].find((each) => URL.canParse(each));
  return spelling === undefined ? null : new URL(spelling);
};
