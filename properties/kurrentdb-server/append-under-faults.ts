import type { AppendTarget } from './append-requests.js';
import type { CallContext } from './call-context.js';
import type { AppendOutcome, ProposedEvent } from './event-log.js';

/** Appends, unless the faults have it otherwise; null: there is no answer, the connection is broken. */
export const appendUnderFaults = (
  { log, faults, breakConnection, stopped }: CallContext,
  { stream, expected }: AppendTarget,
  events: readonly ProposedEvent[],
  peer: string,
): AppendOutcome | null => {
  if (stopped.aborted) return null;
  const fate = faults.takeAppendFate();
  const outcome = fate === 'lost-before-commit' ? null : log.append(stream, expected, events);
  if (fate === 'answered') return outcome;
  breakConnection(peer);
  return null;
};
