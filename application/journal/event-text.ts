import type { EventMeta, RecordedEvent } from './recorded-event.js';
import { UnreadableEvent } from '../ports/event-codec.js';
import type { HeadSignature } from '../ports/head-signer.js';

/** One line of JSON, the fields in the order in which `events --json` prints them: what stores keep, to the byte. */
export const printEvent = (event: RecordedEvent): string =>
  JSON.stringify({
    type: event.type,
    stream: event.stream,
    revision: event.revision,
    id: event.id,
    v: event.v,
    occurredAt: event.occurredAt,
    meta: event.meta,
    data: event.data,
    prevHash: event.prevHash,
    hash: event.hash,
  });

/**
 * The event in a stored text. Throws `UnreadableEvent` when the text is no event or belongs to another place than the one it
 * was found at. Its content is judged by its hash (audit) and by the codec (fold), not here.
 */
export const parseEvent = (text: string, stream: string, revision: number): RecordedEvent => {
  const value = parseJson(text, stream, revision);
  if (!isEnvelope(value)) throw new UnreadableEvent(stream, revision, 'its text is not a recorded event');
  if (value.stream !== stream || value.revision !== revision) {
    throw new UnreadableEvent(
      stream,
      revision,
      `its text is event ${String(value.revision)} of stream ${value.stream}`,
    );
  }
  return value;
};

const parseJson = (text: string, stream: string, revision: number): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UnreadableEvent(
      stream,
      revision,
      `its text is not JSON (${error instanceof Error ? error.message : String(error)})`,
    );
  }
};

/** These members and no other: one that nobody prints would be in the hash, and in no sight. */
const isEnvelope = (value: unknown): value is RecordedEvent =>
  isObject(value) &&
  Object.keys(value).length === MEMBERS &&
  typeof value.type === 'string' &&
  typeof value.stream === 'string' &&
  typeof value.revision === 'number' &&
  typeof value.id === 'string' &&
  typeof value.v === 'number' &&
  isTime(value.occurredAt) &&
  isMeta(value.meta) &&
  'data' in value &&
  typeof value.prevHash === 'string' &&
  typeof value.hash === 'string';

const MEMBERS = 10;

/** Further members are for later releases; the hash covers them. */
export const isMeta = (value: unknown): value is EventMeta =>
  isObject(value) &&
  typeof value.$correlationId === 'string' &&
  typeof value.$causationId === 'string' &&
  isActor(value.actor) &&
  typeof value.appVersion === 'string' &&
  typeof value.leaseEpoch === 'number' &&
  (!('signature' in value) || isHeadSignature(value.signature));

const isActor = (value: unknown): value is EventMeta['actor'] =>
  isObject(value) &&
  (value.kind === 'cli' || value.kind === 'library' || value.kind === 'service') &&
  typeof value.id === 'string' &&
  typeof value.host === 'string' &&
  Number.isSafeInteger(value.pid);

/** Whole milliseconds since 1970, of a day that a calendar has a name for: within 100 million days (ECMA-262, Time Values). */
export const isTime = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= 8.64e15;

/**
 * The shape of a signature, nothing of its truth: 32 and 64 bytes in the one base64 that there is for them. Nothing else may stand
 * in it: a signature does not cover itself, so that who has no key could put something there.
 */
export const isHeadSignature = (value: unknown): value is HeadSignature =>
  isObject(value) &&
  Object.keys(value).length === 3 &&
  value.algorithm === 'ed25519' &&
  typeof value.publicKey === 'string' &&
  KEY_IN_BASE64.test(value.publicKey) &&
  typeof value.value === 'string' &&
  SIGNATURE_IN_BASE64.test(value.value);

/** The bits of the last character that lie past the end are zero: a decoder passes over them, so others would say the same. */
const KEY_IN_BASE64 = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;
const SIGNATURE_IN_BASE64 = /^[A-Za-z0-9+/]{85}[AQgw]==$/;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
