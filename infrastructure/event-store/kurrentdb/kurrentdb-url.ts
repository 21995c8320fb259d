import { JournalUrlError } from '../journal-url.js';

/** A KurrentDB server or cluster: `text` for the client, with its secrets; `shown` for people, without. */
export interface KurrentDbUrl {
  readonly text: string;
  readonly shown: string;
}

const SHAPE = /^(?:kurrentdb|kurrent|kdb|esdb)(\+discover)?:\/\/(.+)$/i;

/** What the client 1.3.1 reads after the question mark, without case, `_` and `-`. */
const OPTIONS: ReadonlySet<string> = new Set([
  'usercertfile',
  'userkeyfile',
  'maxdiscoverattempts',
  'connectionname',
  'defaultdeadline',
  'discoveryinterval',
  'gossiptimeout',
  'nodepreference',
  'tls',
  'tlsverifycert',
  'tlscafile',
  'throwonappendfailure',
  'keepaliveinterval',
  'keepalivetimeout',
]);

/**
 * The bridge, by which the client reads, waits this long before it connects for the first time, 500 ms unless told. In a
 * cluster it is the pause between two rounds of asking for the leader, too.
 */
const DISCOVERY_INTERVAL = 'discoveryInterval=20';

/**
 * Looked at before the client does, whose own complaints show the whole URL on stderr, password and all. `esdb:` becomes
 * `kurrentdb:`, which is the same to the client but for a warning. Throws a `JournalUrlError` that says what was expected.
 */
export const kurrentDbUrl = (url: string): KurrentDbUrl => {
  const shape = SHAPE.exec(url.trim());
  if (shape?.[2] === undefined) throw badUrl(url, 'it does not begin with kurrentdb:// and a host');
  const place = shape[2].replace(/\/+$/, '');
  const query = place.slice(place.lastIndexOf('@') + 1).split('?')[1];
  const options = optionsIn(url, query ?? '');
  const more = options.has('discoveryinterval') ? '' : `${query === undefined ? '?' : '&'}${DISCOVERY_INTERVAL}`;
  return { text: `kurrentdb${(shape[1] ?? '').toLowerCase()}://${place}${more}`, shown: redacted(url) };
};

const optionsIn = (url: string, query: string): ReadonlyMap<string, string> => {
  const options = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    const option = name.trim().toLowerCase().replace(/[_-]/g, '');
    if (!OPTIONS.has(option)) throw badUrl(url, `there is no option called ${JSON.stringify(name)}`);
    options.set(option, value.trim());
  }
  // With it the client reports a wrong revision after a refused append (EVENTSTORE A, trap 3).
  if ((options.get('throwonappendfailure') ?? 'true') !== 'true')
    throw badUrl(url, 'a journal needs throwOnAppendFailure as it is without the option; leave it out');
  // The bridge counts the attempt that it does not make.
  if (options.get('maxdiscoverattempts') === '1')
    throw badUrl(url, 'with maxDiscoverAttempts=1 the client never connects; name 2 or more, or leave it out');
  return options;
};

/** A URL that the client cannot use. Without a cause, on purpose: the client's error repeats the URL with its password. */
export const badUrl = (url: string, why: string): JournalUrlError =>
  new JournalUrlError(
    redacted(url),
    `${why}. Expected kurrentdb://[USER:PASSWORD@]HOST[:PORT][,HOST…][?tls=false], ` +
      'kurrentdb+discover:// for a cluster behind one name; files of certificates that it names must exist.',
  );

/** The journal's URL as it may be shown: without user and password. */
export const redacted = (url: string): string => url.trim().replace(/:\/\/[^]*@/, '://***@');
