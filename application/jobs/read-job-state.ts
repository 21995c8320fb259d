import { evolve } from '#domain/merge-job/merge-job';
import { initialState, type MergeJobState } from '#domain/merge-job/state';
import { emptyHead, type ChainHead, type RecordedEvent } from '../journal/recorded-event.js';
import type { Digests } from '../ports/digests.js';
import type { EventCodec } from '../ports/event-codec.js';
import type { EventStore } from '../ports/event-store.js';

export interface StateReader {
  readonly store: EventStore;
  readonly codec: EventCodec;
  readonly digests: Digests;
}

export interface JobAtRevision {
  readonly state: MergeJobState;
  readonly head: ChainHead;
}

/**
 * The state of a job without reading its blocks: each `BlockMerged` carries the running totals, so the events before the first
 * one, the last one and those after it are enough. A property says that this equals the fold over everything.
 */
export const readJobState = async (stream: string, reader: StateReader): Promise<JobAtRevision> => {
  const start: JobAtRevision = { state: initialState, head: emptyHead(stream, reader.digests) };
  const beforeBlocks = await fold(start, stream, 0, reader, isBlock);
  const lastBlock = beforeBlocks.stoppedAt === null ? null : await reader.store.readLast(stream, 'BlockMerged');
  if (lastBlock === null) return beforeBlocks;
  return fold(step(beforeBlocks, lastBlock, reader), stream, lastBlock.revision + 1, reader, () => false);
};

/** The state after every event of the stream, read one by one. */
export const foldWholeStream = async (stream: string, reader: StateReader): Promise<JobAtRevision> =>
  fold({ state: initialState, head: emptyHead(stream, reader.digests) }, stream, 0, reader, () => false);

const isBlock = (event: RecordedEvent): boolean => event.type === 'BlockMerged';

const fold = async (
  from: JobAtRevision,
  stream: string,
  fromRevision: number,
  reader: StateReader,
  stopAt: (event: RecordedEvent) => boolean,
): Promise<JobAtRevision & { readonly stoppedAt: RecordedEvent | null }> => {
  let job = from;
  for await (const event of reader.store.read(stream, { fromRevision })) {
    if (stopAt(event)) return { ...job, stoppedAt: event };
    job = step(job, event, reader);
  }
  return { ...job, stoppedAt: null };
};

const step = ({ state }: JobAtRevision, event: RecordedEvent, { codec }: StateReader): JobAtRevision => ({
  state: evolve(state, codec.decodeJobEvent(event)),
  head: { revision: event.revision, hash: event.hash },
});
