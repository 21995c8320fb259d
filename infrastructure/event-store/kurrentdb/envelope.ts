import type { JSONEventData, JSONType } from '@kurrent/kurrentdb-client';
import { isMeta, isTime } from '#application/journal/event-text';
import type { EventMeta, RecordedEvent } from '#application/journal/recorded-event';
import { UnreadableEvent } from '#application/ports/event-codec';

/** What of the client's event we look at. `metadata` is bytes where it was no JSON. */
export interface StoredEvent {
  readonly streamId: string;
  readonly id: string;
  readonly revision: bigint;
  readonly type: string;
  readonly isJson: boolean;
  readonly data: unknown;
  readonly metadata?: unknown;
}

/**
 * A recorded event as the server keeps it: type and id are the server's own, `data` is the data, and all the rest of the
 * envelope is metadata. The names in `meta` stay at its top, because the server's by-correlation projection looks for
 * `$correlationId` and `$causationId` there. Stream and revision are where the event stands.
 */
export const toStored = (event: RecordedEvent): JSONEventData => {
  const { meta, v, occurredAt, prevHash, hash } = event;
  // What JSON cannot hold would fail deep in the client, in a promise that nobody can listen to.
  if ((JSON.stringify(event.data) as string | undefined) === undefined)
    throw new TypeError(`Event ${event.id} of ${event.stream} has data that JSON cannot hold.`);
  return {
    id: event.id,
    contentType: 'application/json',
    type: event.type,
    // The client's type asks for an object, an array or a text; it prints and reads whatever JSON can hold.
    data: event.data as JSONType,
    metadata: { ...meta, v, occurredAt, prevHash, hash },
  };
};

/** Back again. Throws `UnreadableEvent` for an event that is not ours; its content is judged by its hash and by the codec. */
export const fromStored = (stored: StoredEvent, stream: string): RecordedEvent => {
  const revision = Number(stored.revision);
  if (stored.streamId !== stream)
    throw new UnreadableEvent(stream, revision, `it is an event of stream ${stored.streamId}`);
  const { metadata, data } = stored;
  if (!stored.isJson || !isOurs(metadata))
    throw new UnreadableEvent(stream, revision, `it is no event of chainfold's, but ${stored.type} of another program`);
  const { v, occurredAt, prevHash, hash, ...meta } = metadata;
  return { type: stored.type, stream, revision, id: stored.id, v, occurredAt, meta, data, prevHash, hash };
};

type OurMetadata = EventMeta & Pick<RecordedEvent, 'v' | 'occurredAt' | 'prevHash' | 'hash'>;

const isOurs = (metadata: unknown): metadata is OurMetadata =>
  isObject(metadata) &&
  typeof metadata.v === 'number' &&
  isTime(metadata.occurredAt) &&
  typeof metadata.prevHash === 'string' &&
  typeof metadata.hash === 'string' &&
  isMeta(metadata);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
