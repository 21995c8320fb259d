import type { Clock } from '../ports/clock.js';
import type { Digests, RunningDigest } from '../ports/digests.js';
import { UnreadableEvent } from '../ports/event-codec.js';
import type { EventStore, StreamHead } from '../ports/event-store.js';
import type { HeadSigner } from '../ports/head-signer.js';
import type { Host } from '../ports/host.js';
import { parseEvent, printEvent } from './event-text.js';
import { brokenLink, emptyHead, type ChainHead, type RecordedEvent } from './recorded-event.js';
import {
  FORMAT,
  formatOf,
  isEndLine,
  isHeadLine,
  LONGEST_LINE_BYTES,
  parseEnd,
  parseHead,
  parseStart,
  printEnd,
  printHead,
  printStart,
  TrailFlaw,
  trailSignedText,
  type TrailEnd,
  type TrailStart,
  type WholeTrail,
} from './trail-lines.js';

export { TrailFlaw, type TrailEnd, type TrailStart, type WholeTrail } from './trail-lines.js';

/**
 * Streams as a file: whole histories that can be kept, sent, checked without their journal, and put into another one. A reader
 * accepts what the writer here prints and nothing else, so one flipped bit anywhere is found.
 */
export interface TrailPorts {
  readonly store: EventStore;
  readonly digests: Digests;
  readonly clock: Clock;
  readonly host: Host;
  /** Signs the end. */
  readonly signer: HeadSigner;
}

/**
 * The lines of a trail, without their line ends; each line and `\n` is what belongs into the file, as UTF-8. Streams without
 * events are left out. Throws `UnreadableEvent` when the store's events are no chain: nothing wrong is ever signed.
 */
export async function* trailLines(
  streams: readonly string[],
  { store, digests, clock, host, signer }: TrailPorts,
  journal: string,
): AsyncGenerator<string> {
  const bytes = digests.sha256();
  const hashed = (line: string): string => {
    update(bytes, line);
    return line;
  };
  const { user: by, name, engineVersion: appVersion } = host;
  yield hashed(printStart({ madeAt: clock.now(), by, host: name, appVersion, journal }));
  let events = 0;
  let written = 0;
  for (const stream of streams) {
    let head = emptyHead(stream, digests);
    for await (const event of store.read(stream)) {
      const broken = brokenLink(event, stream, head, digests);
      if (broken !== null) throw new UnreadableEvent(stream, head.revision + 1, `it ${broken}`);
      head = { revision: event.revision, hash: event.hash };
      yield hashed(readable(printEvent(event), event));
    }
    if (head.revision < 0) continue;
    yield hashed(printHead({ stream, ...head }));
    written += 1;
    events += head.revision + 1;
  }
  const sha256 = bytes.hex();
  yield printEnd({ streams: written, events, sha256, signature: signer.sign(trailSignedText(sha256)) });
}

/** A line that no reader takes must not be written. Its characters are at most as many as its bytes, which are at most thrice as many. */
const readable = (line: string, { stream, revision }: RecordedEvent): string => {
  if (line.length * 3 > LONGEST_LINE_BYTES && utf8.encode(line).length > LONGEST_LINE_BYTES)
    throw new UnreadableEvent(stream, revision, `its text is longer than ${String(LONGEST_LINE_BYTES)} bytes`);
  return line;
};

export interface TrailTools {
  readonly digests: Digests;
  /** Checks the signature at the end by the key that it names; whether that key is to be trusted is for the caller. */
  readonly signer: Pick<HeadSigner, 'isSigned'>;
}

/**
 * The events of a trail, stream after stream, in bounded memory. Checks while it goes: every line to the byte, chains, heads,
 * counts, digest and signature. Throws a `TrailFlaw` at the first wrong thing. Nothing is proven before it has returned.
 */
export async function* readTrail(
  lines: AsyncIterable<string>,
  tools: TrailTools,
): AsyncGenerator<RecordedEvent, WholeTrail> {
  const trail = new TrailReader(tools);
  for await (const line of lines) {
    const event = trail.next(line);
    if (event !== null) yield event;
  }
  return trail.ended();
}

class TrailReader {
  private line = 0;
  private readonly bytes: RunningDigest;
  /** One after its last event closes a stream: it never comes again. */
  private readonly closed = new Set<string>();
  private open: { readonly stream: string; readonly head: ChainHead } | null = null;
  private start: TrailStart | null = null;
  private events = 0;
  private end: TrailEnd | null = null;

  constructor(private readonly tools: TrailTools) {
    this.bytes = tools.digests.sha256();
  }

  /** The event in the line, or null when it is another line. */
  next(line: string): RecordedEvent | null {
    this.line += 1;
    if (this.end !== null) throw this.flaw('comes after the end');
    if (isEndLine(line)) {
      this.end = this.checkedEnd(line);
      return null;
    }
    update(this.bytes, line);
    if (this.line === 1) {
      this.start = this.checkedStart(line);
      return null;
    }
    if (!isHeadLine(line)) return this.event(line);
    this.closeStream(line);
    return null;
  }

  ended(): WholeTrail {
    this.line += 1;
    if (this.end === null || this.start === null)
      throw this.flaw('is missing: the trail ends without its end line, so something was cut off');
    return { ...this.end, start: this.start };
  }

  private checkedStart(line: string): TrailStart {
    const start = parseStart(line);
    if (start !== null) return start;
    const format = formatOf(line);
    throw this.flaw(
      format !== null && format !== FORMAT
        ? `says that the trail has format ${String(format)}; this program reads format ${String(FORMAT)}`
        : 'is not the first line of a trail (see `chainfold journal export`)',
    );
  }

  private event(line: string): RecordedEvent {
    const { stream, head } = this.open ?? this.opened(line);
    const event = this.parsedEvent(line, stream, head.revision + 1);
    const wrong = this.wrongWith(event, line, { stream, ...head });
    if (wrong !== null) throw this.flaw(wrong);
    this.open = { stream, head: { revision: event.revision, hash: event.hash } };
    this.events += 1;
    return event;
  }

  private opened(line: string): { readonly stream: string; readonly head: ChainHead } {
    const stream = streamNamedIn(line);
    if (stream === null) throw this.flaw('is no event, no head and no end');
    if (this.closed.has(stream)) throw this.flaw(`begins the stream ${stream} a second time`);
    return { stream, head: emptyHead(stream, this.tools.digests) };
  }

  private parsedEvent(line: string, stream: string, revision: number): RecordedEvent {
    try {
      return parseEvent(line, stream, revision);
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error;
      throw this.flaw(`should be event ${String(revision)} of ${stream} or its head: ${error.message}`, error);
    }
  }

  private wrongWith(event: RecordedEvent, line: string, head: StreamHead): string | null {
    try {
      if (printEvent(event) !== line) return 'is an event, but not as it is printed';
      const broken = brokenLink(event, head.stream, head, this.tools.digests);
      return broken === null ? null : `is event ${String(event.revision)} of ${head.stream}, and ${broken}`;
    } catch (error) {
      // What JSON can say and no event can: half of a surrogate pair has no canonical form, a thousandfold nesting no end.
      if (!(error instanceof TypeError) && !(error instanceof RangeError)) throw error;
      return `is an event that has no hash: ${error.message}`;
    }
  }

  private closeStream(line: string): void {
    const head = parseHead(line);
    if (head === null) throw this.flaw('is a head, but not as it is printed');
    if (this.open === null) throw this.flaw(`is the head of ${head.stream}, which has no events here`);
    const expected: StreamHead = { stream: this.open.stream, ...this.open.head };
    if (printHead(expected) !== line)
      throw this.flaw(`is a head that differs from the events before it: expected ${printHead(expected)}`);
    this.closed.add(this.open.stream);
    this.open = null;
  }

  private checkedEnd(line: string): TrailEnd {
    if (this.line === 1) throw this.flaw('is an end, and there is no beginning');
    if (this.open !== null) throw this.flaw(`is the end, and the head of ${this.open.stream} is missing before it`);
    const end = parseEnd(line);
    if (end === null) throw this.flaw('is an end, but not as it is printed');
    const [streams, events, sha256] = [this.closed.size, this.events, this.bytes.hex()];
    if (end.streams !== streams || end.events !== events)
      throw this.flaw(
        `counts ${String(end.streams)} streams and ${String(end.events)} events, but there are ${String(streams)} and ${String(events)}`,
      );
    if (end.sha256 !== sha256) throw this.flaw(`has SHA-256 ${end.sha256}, but the lines before it give ${sha256}`);
    if (!this.tools.signer.isSigned(trailSignedText(sha256), end.signature))
      throw this.flaw('has a signature that is not one of this trail by the key it names');
    return end;
  }

  private flaw(what: string, cause?: unknown): TrailFlaw {
    return new TrailFlaw(this.line, what, cause === undefined ? {} : { cause });
  }
}

const utf8 = new TextEncoder();

const update = (bytes: RunningDigest, line: string): void => bytes.update(utf8.encode(`${line}\n`));

/** The stream of the event in a line; null when it is none. */
const streamNamedIn = (line: string): string | null => {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'stream' in value && typeof value.stream === 'string'
      ? value.stream
      : null;
  } catch (error) {
    // No JSON, so no event: the caller says which line it was.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
};
