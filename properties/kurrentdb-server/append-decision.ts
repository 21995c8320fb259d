import type { ProposedEvent, StreamLog } from './event-log.js';

/** What an append insists on: the revision of the last event, or something weaker. */
export type ExpectedRevision = number | 'no-stream' | 'any' | 'stream-exists';

export type AppendDecision =
  | { readonly kind: 'append' }
  /** These very events are there already; the last of them has this revision. */
  | { readonly kind: 'idempotent'; readonly lastRevision: number }
  | { readonly kind: 'wrong-expected-version' }
  | { readonly kind: 'stream-deleted' };

const WRONG: AppendDecision = { kind: 'wrong-expected-version' };

/** The server's rule for one append (KurrentDB's IndexWriter.CheckCommit). */
export const decideAppend = (
  log: StreamLog,
  expected: ExpectedRevision,
  events: readonly ProposedEvent[],
): AppendDecision => {
  if (log.tombstoned) return { kind: 'stream-deleted' };
  if (expected === 'any' || expected === 'stream-exists') return decideLoosely(log, expected, events);
  const current = log.events.length - 1;
  const revision = expected === 'no-stream' ? -1 : expected;
  if (revision === current) return { kind: 'append' };
  return revision > current ? WRONG : decideReplay(log, expected, revision, events);
};

/** Behind the head: success only when the very same ids stand at exactly the following revisions. */
const decideReplay = (
  log: StreamLog,
  expected: ExpectedRevision,
  revision: number,
  events: readonly ProposedEvent[],
): AppendDecision => {
  const firstOther = events.findIndex((event, index) => log.events[revision + 1 + index]?.id !== event.id);
  if (firstOther === -1)
    return events.length === 0 ? WRONG : { kind: 'idempotent', lastRevision: revision + events.length };
  return firstOther === 0 && expected === 'no-stream' && isSoftDeleted(log) ? { kind: 'append' } : WRONG;
};

/** Without a revision: ids alone tell. All of them known: a repetition. Only the first ones known: a spoiled repetition. */
const decideLoosely = (
  log: StreamLog,
  expected: 'any' | 'stream-exists',
  events: readonly ProposedEvent[],
): AppendDecision => {
  if (expected === 'stream-exists') {
    if (isSoftDeleted(log)) return { kind: 'stream-deleted' };
    if (log.events.length === 0) return WRONG;
  }
  const known = events.map((event) => log.revisionOf.get(event.id));
  const last = known.at(-1);
  if (known[0] === undefined) return { kind: 'append' };
  return last === undefined || known.includes(undefined) ? WRONG : { kind: 'idempotent', lastRevision: last };
};

const isSoftDeleted = (log: StreamLog): boolean => log.events.length > 0 && log.hiddenBefore === log.events.length;
