import { brokenLink, emptyHead, eventId, type ChainHead, type RecordedEvent } from '../journal/recorded-event.js';
import type { Digests } from '../ports/digests.js';
import { UnreadableEvent } from '../ports/event-codec.js';
import type { HeadSigner } from '../ports/head-signer.js';
import type { Identifiers } from '../ports/identifiers.js';
import { SignatureRules, type SignatureAudit, type SignaturesExpected } from './audit-signatures.js';

export interface StreamAudit {
  readonly stream: string;
  /** The last event that is right: to be kept elsewhere, so that a rewritten or a cut stream is known by it. */
  readonly head: ChainHead;
  readonly events: number;
  readonly problem: AuditProblem | null;
}

/** The first thing that is wrong. `revision` null: it is not about one event, but about what the store keeps beside them. */
export interface AuditProblem {
  readonly revision: number | null;
  readonly what: string;
}

/** A head that was kept elsewhere. `holds`: the event at this revision has this hash, so nothing up to it was changed since. */
export interface KnownHeadAudit extends ChainHead {
  readonly holds: boolean;
  /** Why it does not hold. */
  readonly problem: string | null;
}

export interface StreamTools {
  readonly digests: Digests;
  readonly identifiers: Identifiers;
  readonly signer: Pick<HeadSigner, 'isSigned'>;
}

export interface StreamExpected extends SignaturesExpected {
  readonly knownHead: ChainHead | null;
}

/**
 * Judges one stream, event by event, from wherever they come: hashes, places and ids, then what `judge` says of their content,
 * then signatures, then the known head. After the first problem nothing is looked at any more.
 */
export class StreamAuditor {
  private head: ChainHead;
  private readonly signatures: SignatureRules;
  private readonly knownHead: ChainHead | null;
  private holds = false;
  private knownProblem: string | null = null;
  private found: AuditProblem | null = null;

  constructor(
    private readonly stream: string,
    expected: StreamExpected,
    private readonly judge: (event: RecordedEvent) => string | null,
    private readonly tools: StreamTools,
  ) {
    this.head = emptyHead(stream, tools.digests);
    this.signatures = new SignatureRules(expected, tools);
    this.knownHead = expected.knownHead;
    this.holds = this.knownHead !== null && isSame(this.knownHead, this.head);
  }

  get problem(): AuditProblem | null {
    return this.found;
  }

  get signature(): SignatureAudit {
    return this.signatures.found;
  }

  get known(): KnownHeadAudit | null {
    if (this.knownHead === null) return null;
    const { revision, hash } = this.knownHead;
    const problem = this.holds ? null : (this.knownProblem ?? 'The stream is wrong before this event');
    return { revision, hash, holds: this.holds, problem };
  }

  get result(): StreamAudit {
    return { stream: this.stream, head: this.head, events: this.head.revision + 1, problem: this.found };
  }

  next(event: RecordedEvent): void {
    if (this.found !== null) return;
    const what = this.wrongWith(event);
    if (what !== null) {
      this.failAt(this.head.revision + 1, what);
      return;
    }
    this.head = { revision: event.revision, hash: event.hash };
    if (this.knownHead !== null && isSame(this.knownHead, this.head)) this.holds = true;
  }

  failAt(revision: number | null, what: string): void {
    this.found ??= { revision, what };
  }

  /** All events were seen: what should have come and did not? */
  ended(): void {
    if (this.found !== null) return;
    if (this.knownHead !== null && this.knownHead.revision > this.head.revision) {
      const known = String(this.knownHead.revision);
      this.knownProblem = `The stream was cut off: it ends at revision ${String(this.head.revision)}, and the head that was kept elsewhere is revision ${known}`;
      this.failAt(
        this.head.revision + 1,
        `is missing: the head that was kept elsewhere is revision ${known}, so the stream was cut off`,
      );
    }
    const missing = this.signatures.missing();
    if (missing !== null) this.failAt(missing.revision, missing.what);
  }

  private wrongWith(event: RecordedEvent): string | null {
    try {
      const what =
        this.changed(event) ?? this.judge(event) ?? this.signatures.problemWith(event) ?? this.otherThanKnown(event);
      return what === null ? null : `${event.type} ${what}`;
    } catch (fault) {
      if (fault instanceof UnreadableEvent) return fault.message;
      // Half a surrogate pair has no UTF-8, and a nesting without end no stack: nobody of ours sealed such an event.
      if (fault instanceof TypeError || fault instanceof RangeError)
        return `${event.type} has content that cannot be hashed: ${fault.message}`;
      throw fault;
    }
  }

  /** Was the event changed, moved or replaced after it was sealed? */
  private changed(event: RecordedEvent): string | null {
    const broken = brokenLink(event, this.stream, this.head, this.tools.digests);
    if (broken !== null) return broken;
    const id = eventId(event, this.tools);
    return id === event.id ? null : `has id ${event.id}, but its content gives ${id}`;
  }

  private otherThanKnown({ type, revision, hash }: RecordedEvent): string | null {
    if (revision !== this.knownHead?.revision || hash === this.knownHead.hash) return null;
    const moved = GOES_ON.has(type) ? MAY_HAVE_MOVED : '';
    const what = `has hash ${hash}, but the head that was kept elsewhere says ${this.knownHead.hash}: the history was rewritten, here or before${moved}`;
    this.knownProblem = `Event ${String(revision)} ${what}`;
    return what;
  }
}

/** What stands here, where a job was moved to, in the place of the word in its old journal that it was moved. */
const GOES_ON: ReadonlySet<string> = new Set(['MergeResumed', 'MergeRecovered', 'MergeTerminated']);
const MAY_HAVE_MOVED =
  '; or the job was moved here, and the head is that of its old journal after the move: then the head of the event before holds';

const isSame = (one: ChainHead, other: ChainHead): boolean =>
  one.revision === other.revision && one.hash === other.hash;
