import type { HeadSignature } from '../ports/head-signer.js';
import type { StreamHead } from '../ports/event-store.js';
import { isHeadSignature, isTime } from './event-text.js';

/**
 * The lines of a trail file that are not events: NDJSON, each exactly as printed here. The first says whence the trail is, a head
 * closes each stream, and the end closes the trail with counts, a digest of all bytes before it, and a signature.
 */
export interface TrailStart {
  /** Own clock, whole milliseconds since 1970. */
  readonly madeAt: number;
  readonly by: string;
  readonly host: string;
  readonly appVersion: string;
  /** URL of the journal, without its secrets. */
  readonly journal: string;
}

export interface TrailEnd {
  readonly streams: number;
  readonly events: number;
  /** Lower-case hex of SHA-256 over every byte before the end line. */
  readonly sha256: string;
  /** Over `trailSignedText(sha256)`. */
  readonly signature: HeadSignature;
}

/** A trail that was read to its end and found whole. */
export interface WholeTrail extends TrailEnd {
  readonly start: TrailStart;
}

/** The first thing that is wrong with a trail. `line` is 1-based. */
export class TrailFlaw extends Error {
  constructor(
    readonly line: number,
    readonly what: string,
    options?: { cause?: unknown },
  ) {
    super(`Line ${String(line)} of the trail ${what}`, options);
    this.name = 'TrailFlaw';
  }
}

/** A longer line is none of ours: the largest events carry a few headers of an image each, a window's share is far below. */
export const LONGEST_LINE_BYTES = 16 * 1024 * 1024;

export const FORMAT = 1;

export const trailSignedText = (sha256: string): string => `chainfold trail ${sha256}`;

export const printStart = ({ madeAt, by, host, appVersion, journal }: TrailStart): string =>
  JSON.stringify({ type: 'trail', format: FORMAT, madeAt, by, host, appVersion, journal });

export const printHead = ({ stream, revision, hash }: StreamHead): string =>
  JSON.stringify({ type: 'head', stream, revision, hash });

export const printEnd = ({ streams, events, sha256, signature }: TrailEnd): string =>
  JSON.stringify({
    type: 'end',
    streams,
    events,
    sha256,
    signature: { algorithm: signature.algorithm, publicKey: signature.publicKey, value: signature.value },
  });

/** Null: the line is none of this kind, to the byte. */
export const parseStart = (line: string): TrailStart | null => {
  const value = parsed(line);
  if (!isObject(value) || value.type !== 'trail' || value.format !== FORMAT) return null;
  const { madeAt, by, host, appVersion, journal } = value;
  if (!isTime(madeAt) || typeof by !== 'string' || typeof host !== 'string') return null;
  if (typeof appVersion !== 'string' || typeof journal !== 'string') return null;
  const start: TrailStart = { madeAt, by, host, appVersion, journal };
  return printStart(start) === line ? start : null;
};

/** The format that a first line of another version names; null when it is no first line at all. */
export const formatOf = (line: string): number | null => {
  const value = parsed(line);
  return isObject(value) && value.type === 'trail' && typeof value.format === 'number' ? value.format : null;
};

export const isHeadLine = (line: string): boolean => line.startsWith('{"type":"head",');
export const isEndLine = (line: string): boolean => line.startsWith('{"type":"end",');

export const parseHead = (line: string): StreamHead | null => {
  const value = parsed(line);
  if (!isObject(value)) return null;
  const { stream, revision, hash } = value;
  if (typeof stream !== 'string' || typeof revision !== 'number' || typeof hash !== 'string') return null;
  const head: StreamHead = { stream, revision, hash };
  return printHead(head) === line ? head : null;
};

export const parseEnd = (line: string): TrailEnd | null => {
  const value = parsed(line);
  if (!isObject(value) || !isHeadSignature(value.signature)) return null;
  const { streams, events, sha256, signature } = value;
  if (typeof streams !== 'number' || typeof events !== 'number' || typeof sha256 !== 'string') return null;
  const end: TrailEnd = { streams, events, sha256, signature };
  return printEnd(end) === line ? end : null;
};

const parsed = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch (error) {
    // Whatever is no JSON is no line of this kind either; the reader says which line it was.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
