import { expect } from 'vitest';
import { assertWholeImport } from '#application/jobs/half-imported';
import { jobStreamName } from '#application/jobs/job-stream';
import { readJobState } from '#application/jobs/read-job-state';
import type { RecordedEvent } from '#application/journal/recorded-event';
import type { RunPorts } from '#application/merge/run-context';
import { EventStoreFault, type EventStore } from '#application/ports/event-store';
import { MemoryEventStore, MemoryJournal } from '#infrastructure/event-store/memory-event-store';
import { isUnfinished } from '#domain/merge-job/state';
import { Died } from './dying-files.js';
import { filesInMemory, merge, productPorts } from './product.js';
import { smallChain, type SmallChain } from './small-chain.js';

export interface DeadJob {
  readonly ports: RunPorts;
  readonly jobId: string;
  readonly chain: SmallChain;
}

/** A job whose process died at three quarters of so many blocks that its events are several appends. */
export const deadJob = async (scratch: string, journal: MemoryJournal, { blocks = 900 } = {}): Promise<DeadJob> => {
  const chain = await smallChain(scratch, { blocks });
  const died = productPorts({ files: filesInMemory(), store: new DyingStore(journal, blocks * 0.75) });
  await expect(merge(died, chain.child, chain.base)).rejects.toThrow(Died);
  const ports = productPorts({ files: filesInMemory(), store: new MemoryEventStore(journal) });
  const [stream] = journal.streams.keys();
  if (stream === undefined) throw new Error('the merge died before it was a job');
  return { ports, jobId: stream.slice('merge-'.length), chain };
};

class DyingStore extends MemoryEventStore {
  constructor(
    journal: MemoryJournal,
    private readonly events: number,
  ) {
    super(journal);
  }

  override async append(...given: Parameters<MemoryEventStore['append']>): ReturnType<MemoryEventStore['append']> {
    if (given[1] + given[2].length > this.events) throw new Died();
    return await super.append(...given);
  }
}

/** Journals in memory whose appends, all together, end with a crash at the n-th: before it is durable, or after. */
export class Appends {
  private made = 0;

  constructor(
    private readonly crashAt: number,
    private readonly when: 'before' | 'after',
  ) {}

  store(journal: MemoryJournal): EventStore {
    return new CrashingStore(journal, this);
  }

  async count<T>(append: () => Promise<T>): Promise<T> {
    const crashes = this.made === this.crashAt;
    this.made += 1;
    if (crashes && this.when === 'before') throw new Died();
    const outcome = await append();
    if (crashes) throw new Died();
    return outcome;
  }
}

class CrashingStore extends MemoryEventStore {
  constructor(
    journal: MemoryJournal,
    private readonly appends: Appends,
  ) {
    super(journal);
  }

  override append(...given: Parameters<MemoryEventStore['append']>): ReturnType<MemoryEventStore['append']> {
    return this.appends.count(() => super.append(...given));
  }
}

export const copyOf = ({ streams }: MemoryJournal): MemoryJournal => {
  const copy = new MemoryJournal();
  for (const [stream, events] of streams) copy.streams.set(stream, [...events]);
  return copy;
};

/** Would this journal run the job? */
export const runs = async (jobId: string, ports: RunPorts): Promise<boolean> => {
  const { state } = await readJobState(jobStreamName(jobId), ports);
  if (!isUnfinished(state)) return false;
  try {
    await assertWholeImport(jobId, ports.store);
    return true;
  } catch (fault) {
    if (fault instanceof EventStoreFault) return false;
    throw fault;
  }
};

export const eventsIn = async (stream: string, store: EventStore): Promise<readonly RecordedEvent[]> => {
  const events: RecordedEvent[] = [];
  for await (const event of store.read(stream)) events.push(event);
  return events;
};

/** All that an event says is in its hash. */
export const hashesOf = (events: readonly RecordedEvent[]): string => events.map(({ hash }) => hash).join(' ');

/** Did the work end with the crash? Any other error is thrown on. */
export const diesIn = async (work: () => Promise<unknown>): Promise<boolean> => {
  try {
    await work();
    return false;
  } catch (error) {
    if (error instanceof Died) return true;
    throw error;
  }
};
