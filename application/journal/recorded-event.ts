import type { Digests } from '../ports/digests.js';
import type { HeadSignature, HeadSigner } from '../ports/head-signer.js';
import type { Identifiers } from '../ports/identifiers.js';

/**
 * An event as every store keeps it and as `events --json` prints it: the envelope around what happened. `hash` is SHA-256 over
 * the canonical JSON (RFC 8785) of everything here except `hash` itself; `prevHash` is inside, so that the hashes are a chain:
 * a flipped bit, a dropped or a swapped event breaks it. The first `prevHash` is SHA-256 of the stream's name.
 */
export interface RecordedEvent<Data = unknown> {
  readonly type: string;
  readonly stream: string;
  /** 0-based position in the stream. */
  readonly revision: number;
  /** UUIDv5 of (stream, revision, content): the same event again has the same id, which makes a blind retry safe. */
  readonly id: string;
  /** Schema version of `data`. */
  readonly v: number;
  /** Own clock, milliseconds since 1970. */
  readonly occurredAt: number;
  readonly meta: EventMeta;
  readonly data: Data;
  readonly prevHash: string;
  readonly hash: string;
}

export interface EventMeta {
  readonly $correlationId: string;
  readonly $causationId: string;
  readonly actor: {
    readonly kind: 'cli' | 'library' | 'service';
    readonly id: string;
    readonly host: string;
    readonly pid: number;
  };
  readonly appVersion: string;
  readonly leaseEpoch: number;
  /** Over this event without the signature itself, `id` and `hash`; `prevHash` is in it, so over the whole history. */
  readonly signature?: HeadSignature;
}

/** The place in the chain after which the next event goes. */
export interface ChainHead {
  readonly revision: number;
  readonly hash: string;
}

export const emptyHead = (stream: string, digests: Digests): ChainHead => ({
  revision: -1,
  hash: digests.sha256Text(stream),
});

export interface UnsealedEvent {
  readonly type: string;
  readonly v: number;
  readonly occurredAt: number;
  readonly meta: EventMeta;
  readonly data: unknown;
  /** With this event a run or a job ends: it is signed. */
  readonly isSigned?: boolean;
}

export interface SealingTools {
  readonly digests: Digests;
  readonly identifiers: Identifiers;
  /** Needed for events that are to be signed. */
  readonly signer?: HeadSigner;
}

/** Gives events their places, ids and hashes after `head`. The one place where envelopes are made, for all stores. */
export const seal = (
  stream: string,
  head: ChainHead,
  events: readonly UnsealedEvent[],
  tools: SealingTools,
): RecordedEvent[] => {
  let { revision, hash: prevHash } = head;
  return events.map((event) => {
    revision += 1;
    const unsigned = {
      type: event.type,
      stream,
      revision,
      v: event.v,
      occurredAt: event.occurredAt,
      meta: event.meta,
      data: event.data,
      prevHash,
    };
    const content = event.isSigned === true ? signed(unsigned, tools) : unsigned;
    const unhashed = { ...content, id: eventId(content, tools) };
    const hash = tools.digests.sha256Text(tools.digests.canonicalJson(unhashed));
    prevHash = hash;
    return { ...unhashed, hash };
  });
};

type Unsealed = Omit<RecordedEvent, 'id' | 'hash'>;

/** The id that follows from all of an event's content but its hash. */
export const eventId = (
  { type, stream, revision, v, occurredAt, meta, data, prevHash }: Unsealed,
  { digests, identifiers }: Pick<SealingTools, 'digests' | 'identifiers'>,
): string => {
  const content = digests.canonicalJson({ type, stream, revision, v, occurredAt, meta, data, prevHash });
  return identifiers.nameBased(`${stream}\n${String(revision)}\n${digests.sha256Text(content)}`);
};

const signed = (content: Unsealed, { digests, signer }: SealingTools): Unsealed => {
  if (signer === undefined) throw new Error(`Bug: ${content.type} is to be signed and there is no signer`);
  return { ...content, meta: { ...content.meta, signature: signer.sign(digests.canonicalJson(content)) } };
};

/** The text that the signature of an event is over. */
export const signedText = ({ id: _, hash: _hash, ...content }: RecordedEvent, digests: Digests): string => {
  const { signature: _signature, ...meta } = content.meta;
  return digests.canonicalJson({ ...content, meta });
};

/** What is wrong with this event as the next one after `head`, in words; null when it is sound. */
export const brokenLink = (event: RecordedEvent, stream: string, head: ChainHead, digests: Digests): string | null => {
  const { hash, ...unhashed } = event;
  if (event.stream !== stream) return `belongs to stream ${event.stream}, expected ${stream}`;
  if (event.revision !== head.revision + 1)
    return `has revision ${String(event.revision)}, expected ${String(head.revision + 1)}`;
  if (event.prevHash !== head.hash) return `follows hash ${event.prevHash}, expected ${head.hash}`;
  const computed = digests.sha256Text(digests.canonicalJson(unhashed));
  return computed === hash ? null : `has hash ${hash}, but its content gives ${computed}`;
};
