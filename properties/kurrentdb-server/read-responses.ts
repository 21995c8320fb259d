import type { LoggedEvent } from './event-log.js';
import { streamIdentifier, uuidMessage, type UuidForm } from './identifiers.js';
import { streams, timestampMessage } from './messages.js';

export type ReadResp = InstanceType<typeof streams.ReadResp>;

/** Ticks of 100 ns, counted from 1970 as the clients do it. */
const TICKS_PER_MS = 10_000n;

export const eventResponse = (event: LoggedEvent, uuidForm: UuidForm): ReadResp => {
  const recorded = new streams.ReadResp.ReadEvent.RecordedEvent();
  const position = String(event.position);
  recorded
    .setId(uuidMessage(event.id, uuidForm))
    .setStreamIdentifier(streamIdentifier(event.stream))
    .setStreamRevision(String(event.revision))
    .setPreparePosition(position)
    .setCommitPosition(position)
    .setCustomMetadata(event.customMetadata)
    .setData(event.data);
  const properties = recorded.getMetadataMap();
  for (const [key, value] of event.properties) properties.set(key, value);
  properties.set('created', String(BigInt(event.createdMs) * TICKS_PER_MS));
  return new streams.ReadResp().setEvent(
    new streams.ReadResp.ReadEvent().setEvent(recorded).setCommitPosition(position),
  );
};

export const streamNotFound = (stream: string): ReadResp =>
  new streams.ReadResp().setStreamNotFound(
    new streams.ReadResp.StreamNotFound().setStreamIdentifier(streamIdentifier(stream)),
  );

export const confirmation = (subscriptionId: string): ReadResp =>
  new streams.ReadResp().setConfirmation(
    new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId(subscriptionId),
  );

/** The subscription has delivered everything that there is up to now. */
export const caughtUp = (nowMs: number): ReadResp => {
  const message = new streams.ReadResp.CaughtUp();
  message.setTimestamp(timestampMessage.Timestamp.fromDate(new Date(nowMs)));
  return new streams.ReadResp().setCaughtUp(message);
};
