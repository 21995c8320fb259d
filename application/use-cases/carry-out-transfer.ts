import { err, ok, type Result } from '#domain/result';
import { markImport } from '../jobs/half-imported.js';
import type { JournalPorts } from '../jobs/job-stream.js';
import type { RecordedEvent } from '../journal/recorded-event.js';
import { appendMissing } from '../journal/transfer.js';
import type { PlannedJob, PlannedStream } from './plan-transfer.js';

/** Why a transfer stopped: nothing that was not looked at is in the journal. */
export interface TransferStopped {
  readonly stream: string;
  readonly what: string;
}

/** Events that were added, by job. */
export type TransferAdded = ReadonlyMap<string, number>;

/**
 * Puts planned jobs into the journal of `ports`, in appends of at most 256 KiB. `events` gives the same events that were planned,
 * once for the control streams and once for the jobs' own: what was asked of a job is there before the job can be run. A job that
 * takes several appends is marked first, so that nobody runs a part of it.
 */
export const carryOutTransfer = async (
  jobs: readonly PlannedJob[],
  events: () => AsyncIterable<RecordedEvent>,
  ports: JournalPorts,
): Promise<Result<TransferAdded, TransferStopped>> => {
  for (const { jobId, merge } of jobs) if (missingWindows(merge) > 1) await markImport(jobId, merge.to, ports);
  const added = new Map<string, number>();
  for (const streams of [jobs.map(({ control }) => control), jobs.map(({ merge }) => merge)]) {
    const inserts = await openInserts(streams, ports);
    if (!inserts.ok) return inserts;
    const stopped = inserts.value.size === 0 ? null : await insert(inserts.value, events());
    if (stopped !== null) return err(stopped);
    for (const [stream, { count }] of inserts.value) {
      const jobId = stream.slice(stream.indexOf('-') + 1);
      added.set(jobId, (added.get(jobId) ?? 0) + count);
    }
  }
  return ok(added);
};

const missingWindows = ({ windows, present }: PlannedStream): number =>
  windows.filter(({ revision }) => revision > present).length;

/** Streams of which something is missing. Whoever appended to one since the plan was made was not looked at. */
const openInserts = async (
  streams: readonly (PlannedStream | null)[],
  ports: JournalPorts,
): Promise<Result<ReadonlyMap<string, StreamInsert>, TransferStopped>> => {
  const inserts = new Map<string, StreamInsert>();
  for (const planned of streams) {
    if (planned === null || missingWindows(planned) === 0) continue;
    const revision = (await ports.store.head(planned.stream))?.revision ?? -1;
    if (revision !== planned.present) return err({ stream: planned.stream, what: SOMEBODY_ELSE });
    inserts.set(planned.stream, new StreamInsert(planned, ports));
  }
  return ok(inserts);
};

const insert = async (
  inserts: ReadonlyMap<string, StreamInsert>,
  events: AsyncIterable<RecordedEvent>,
): Promise<TransferStopped | null> => {
  for await (const event of events) {
    const stopped = await inserts.get(event.stream)?.take(event);
    if (typeof stopped === 'string') return { stream: event.stream, what: stopped };
  }
  for (const [stream, { isDone }] of inserts) if (!isDone) return { stream, what: CHANGED };
  return null;
};

const SOMEBODY_ELSE = 'was appended to by somebody else meanwhile';
const CHANGED = 'is not any more what it was when it was checked';

class StreamInsert {
  count = 0;
  private next = 0;
  private window: RecordedEvent[] = [];

  constructor(
    private readonly planned: PlannedStream,
    private readonly ports: JournalPorts,
  ) {}

  get isDone(): boolean {
    return this.next === this.planned.windows.length;
  }

  /** Appends whenever a window is complete; what stops the transfer, in words, or null. Events after the last window stay behind. */
  async take(event: RecordedEvent): Promise<string | null> {
    const end = this.planned.windows[this.next];
    if (end === undefined) return null;
    this.window.push(event);
    if (event.revision < end.revision) return null;
    // The hash binds every event before it: what is appended is what was looked at, whatever happened to its source meanwhile.
    if (event.hash !== end.hash) return CHANGED;
    const answer = await appendMissing(this.window, this.planned.present, this.ports);
    if (answer.outcome === 'wrong-revision') return SOMEBODY_ELSE;
    this.count += answer.added;
    this.window = [];
    this.next += 1;
    return null;
  }
}
