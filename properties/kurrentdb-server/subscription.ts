import type { Delivery } from './delivery.js';
import type { EventLog } from './event-log.js';
import type { ReadRequest } from './read-requests.js';
import { caughtUp, confirmation } from './read-responses.js';

let subscriptions = 0;

/**
 * A confirmation, the events after the starting point, `caughtUp` once, then each new event, until the caller is gone. The
 * stream need not be there yet.
 */
export const subscribe = async (log: EventLog, request: ReadRequest, delivery: Delivery): Promise<void> => {
  const { stream, wanted } = request;
  subscriptions += 1;
  await delivery.message(confirmation(`subscription-${subscriptions}`));
  let next = firstIndex(log, request);
  let isCaughtUp = false;
  while (!delivery.gone.aborted) {
    const events = stream === null ? log.all : log.eventsOf(stream);
    if (stream !== null) next = Math.max(next, log.firstVisible(stream));
    for (; next < events.length && !delivery.gone.aborted; next += 1)
      if (wanted(events[next]!)) await delivery.event(events[next]!);
    if (!isCaughtUp) await delivery.message(caughtUp(Date.now()));
    isCaughtUp = true;
    // Sending took its time: only when nothing came meanwhile is there something to wait for.
    if (next >= currentLength(log, stream)) await log.bell.rung(delivery.gone);
  }
};

/** A revision or a position is the last one that the subscriber has: delivery begins behind it. */
const firstIndex = (log: EventLog, { stream, from }: ReadRequest): number => {
  if (from === 'start') return 0;
  if (from === 'end') return currentLength(log, stream);
  if (stream !== null) return from + 1;
  const index = log.all.findIndex((event) => event.position > from);
  return index === -1 ? log.all.length : index;
};

const currentLength = (log: EventLog, stream: string | null): number =>
  stream === null ? log.all.length : log.lengthOf(stream);
