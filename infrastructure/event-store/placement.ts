import type { RecordedEvent } from '#application/journal/recorded-event';

/**
 * Refuses, before anything is written, events that are not sealed for the place they are appended at: another stream's, or
 * not dense from `expectedRevision + 1`. A bug of the caller, not an outcome.
 */
export const assertPlaced = (stream: string, expectedRevision: number, events: readonly RecordedEvent[]): void => {
  if (!Number.isSafeInteger(expectedRevision) || expectedRevision < -1) {
    throw new RangeError(`Stream ${stream} cannot be at revision ${String(expectedRevision)}: -1 is an empty stream.`);
  }
  for (const [index, event] of events.entries()) {
    const revision = expectedRevision + 1 + index;
    if (event.stream === stream && event.revision === revision) continue;
    throw new RangeError(
      `Event ${event.id} is sealed as ${event.stream} ${String(event.revision)}, but appended as ${stream} ${String(revision)}.`,
    );
  }
};
