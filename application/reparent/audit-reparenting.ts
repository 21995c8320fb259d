import type { ReparentJobEvent } from '#domain/reparent-job/events';
import { commandFor, decide, evolve } from '#domain/reparent-job/reparent-job';
import { initialState } from '#domain/reparent-job/state';
import type { RecordedEvent } from '../journal/recorded-event.js';
import type { Digests } from '../ports/digests.js';
import type { EventCodec } from '../ports/event-codec.js';

/** Judges the events of one change of a parent, one after the other: each is what the aggregate decides where it stands. */
export const reparentingJudge = (
  reparentId: string,
  { codec, digests }: { readonly codec: EventCodec; readonly digests: Digests },
): ((recorded: RecordedEvent) => string | null) => {
  let state = initialState;
  return (recorded) => {
    const named = recorded.meta.$correlationId;
    if (named !== reparentId) return `says that it belongs to ${named}, but it stands in the stream of ${reparentId}`;
    const event: ReparentJobEvent = codec.decodeReparentEvent(recorded);
    const decision = decide(commandFor(event), state);
    if (!decision.ok) return `cannot follow here: ${JSON.stringify(decision.error)}`;
    const [expected, found] = [digests.canonicalJson(decision.value), digests.canonicalJson(event)];
    if (expected !== found)
      return `is not what follows from the events before it: expected ${expected}, found ${found}`;
    state = evolve(state, event);
    return null;
  };
};
