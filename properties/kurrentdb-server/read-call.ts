import type { handleServerStreamingCall } from '@grpc/grpc-js';
import type { CallContext } from './call-context.js';
import { Delivery, type ReadCall } from './delivery.js';
import type { EventLog, LoggedEvent } from './event-log.js';
import type { streams } from './messages.js';
import { readRequest, type ReadRequest } from './read-requests.js';
import { streamNotFound, type ReadResp } from './read-responses.js';
import { refusalOf, streamDeleted } from './rpc-errors.js';
import { subscribe } from './subscription.js';

/** Read: of a stream or of all, a stretch or a subscription. */
export const readCall =
  (context: CallContext): handleServerStreamingCall<InstanceType<typeof streams.ReadReq>, ReadResp> =>
  (call) =>
    void answer(context, call);

const answer = async ({ log, faults }: CallContext, call: ReadCall): Promise<void> => {
  const options = call.request.getOptions();
  if (options === undefined) throw new Error('expected the options of the read in its message, found none');
  const request = readRequest(options);
  const delivery = new Delivery(call, faults, request.uuidForm);
  await faults.unstalled();
  const refusal =
    refusalOf(faults) ??
    (request.stream !== null && log.isTombstoned(request.stream) ? streamDeleted(request.stream) : null);
  if (refusal !== null) call.emit('error', refusal);
  else if (request.count === null) await subscribe(log, request, delivery);
  else await readOnce(log, request, request.count, delivery, call);
};

const readOnce = async (
  log: EventLog,
  request: ReadRequest,
  count: number,
  delivery: Delivery,
  call: ReadCall,
): Promise<void> => {
  const { stream } = request;
  if (stream !== null && log.firstVisible(stream) === log.lengthOf(stream))
    await delivery.message(streamNotFound(stream));
  else
    for (const event of stretch(log, request, count)) {
      if (delivery.gone.aborted) return;
      await delivery.event(event);
    }
  if (!delivery.gone.aborted) call.end();
};

/** At most `count` wanted events, as the log was when the read began. */
function* stretch(log: EventLog, request: ReadRequest, count: number): Iterable<LoggedEvent> {
  const { stream, backwards, wanted } = request;
  const events = stream === null ? log.all : log.eventsOf(stream);
  const first = stream === null ? 0 : log.firstVisible(stream);
  const last = events.length - 1;
  let left = count;
  for (
    let index = backwards ? Math.min(indexBelow(events, request), last) : Math.max(indexFrom(events, request), first);
    left > 0 && index >= first && index <= last;
    index += backwards ? -1 : 1
  ) {
    const event = events[index]!;
    if (!wanted(event)) continue;
    left -= 1;
    yield event;
  }
}

const indexFrom = (events: readonly LoggedEvent[], { stream, from }: ReadRequest): number => {
  if (from === 'start') return 0;
  if (from === 'end') return events.length;
  return stream === null ? firstAtOrAfter(events, from) : from;
};

/** Backwards a revision is included, a position of $all is not. */
const indexBelow = (events: readonly LoggedEvent[], { stream, from }: ReadRequest): number => {
  if (from === 'start') return stream === null ? -1 : 0;
  if (from === 'end') return events.length - 1;
  return stream === null ? firstAtOrAfter(events, from) - 1 : from;
};

const firstAtOrAfter = (events: readonly LoggedEvent[], position: number): number => {
  const index = events.findIndex((event) => event.position >= position);
  return index === -1 ? events.length : index;
};
