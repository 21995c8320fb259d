import { readTrail, TrailFlaw, type TrailTools } from '#application/journal/trail';
import type { ChainHead, RecordedEvent } from '#application/journal/recorded-event';
import { JOB_STREAM_PREFIX } from '#application/jobs/job-stream';
import { REPARENT_STREAM_PREFIX } from '#application/reparent/reparent-stream';
import { UsageError } from './exit-codes.js';

/** The heads that a person kept elsewhere, or why what was kept cannot be used. */
export type KnownHeads =
  | { readonly headOf: (stream: string) => ChainHead | null; readonly problem: null }
  | { readonly headOf: null; readonly problem: string };

/** `--head`: a head as the audit prints it, or a file that was exported earlier: a trail, or a report of either kind. */
export const knownHeads = async (text: string, tools: TrailTools): Promise<KnownHeads> => {
  const head = headIn(text);
  if (head !== null) return { headOf: (stream) => (isOwnStream(stream) ? head : null), problem: null };
  return await headsOfFile(text, tools);
};

/** Null when the text can only be the name of a file. */
export const headIn = (text: string): ChainHead | null => {
  const [, revision, hash] = /^(\d+):([0-9a-f]*)$/i.exec(text) ?? [];
  if (revision === undefined || hash === undefined) return null;
  if (hash.length !== 64 || !Number.isSafeInteger(Number(revision)))
    throw new UsageError(
      `--head ${text}: expected REVISION:HASH, the hash with its 64 hex digits, as an audit prints it.`,
    );
  return { revision: Number(revision), hash: hash.toLowerCase() };
};

/**
 * The word that a job went elsewhere stays in the journal that it left; where it went on, another event has this place. So of a
 * file from before the move that has it, the head before it is what both journals must have.
 */
const headAt = ({ type, revision, hash, prevHash }: RecordedEvent): ChainHead =>
  type === 'JobMoved' ? { revision: revision - 1, hash: prevHash } : { revision, hash };

/** Only of a file that is whole: half of one could hold old heads that anybody made. Memory goes by the streams. */
const headsOfFile = async (path: string, tools: TrailTools): Promise<KnownHeads> => {
  const { openTrail } = await import('../trail/open-trail.js');
  const { lines, problem } = await openTrail(path);
  if (problem !== null) return { headOf: null, problem: `${path}: ${problem}` };
  const heads = new Map<string, ChainHead>();
  try {
    for await (const event of readTrail(lines, tools)) heads.set(event.stream, headAt(event));
  } catch (flaw) {
    if (!(flaw instanceof TrailFlaw)) throw flaw;
    return { headOf: null, problem: `${path}: ${flaw.message}` };
  }
  return { headOf: (stream) => heads.get(stream) ?? null, problem: null };
};

/** Of what was asked about itself, and not of the requests to it. */
const isOwnStream = (stream: string): boolean =>
  stream.startsWith(JOB_STREAM_PREFIX) || stream.startsWith(REPARENT_STREAM_PREFIX);
