import type { CommittedTotals, MergeJobEvent, RunIdentity } from '#domain/merge-job/events';
import type { RecordedEvent } from '../journal/recorded-event.js';
import { ExcerptOf, type Excerpt } from './excerpt.js';
import type { ReportedRun, RunEnding } from './report.js';

/** More runs than anyone reads one by one. */
const MOST_RUNS = 100;
const RUNS_AT_EACH_END = 40;

type End = Pick<ReportedRun, 'ended' | 'endedBy' | 'endedWhy' | 'missingBytes'>;

const end = (ended: RunEnding, given: Partial<Omit<End, 'ended'>> = {}): End => ({
  ended,
  endedBy: given.endedBy ?? null,
  endedWhy: given.endedWhy ?? null,
  missingBytes: given.missingBytes ?? null,
});

/** The runs of a job, one after another: each begins with a request, a resumption or a recovery. */
export class RunHistory {
  private readonly runs = new ExcerptOf<ReportedRun>(MOST_RUNS, RUNS_AT_EACH_END);
  private interruptions = 0;
  private current: ReportedRun | null = null;
  private committed: CommittedTotals = { blocks: 0, bytes: 0, nextBlock: 0 };
  private before: CommittedTotals = this.committed;

  add(recorded: RecordedEvent, event: MergeJobEvent): void {
    switch (event.type) {
      case 'MergeRequested':
        this.begin(recorded, { began: 'requested', epoch: 1, bootId: null, by: null, recovery: null });
        break;
      case 'MergeResumed':
        this.begin(recorded, { began: 'resumed', ...named(event.run), by: event.by, recovery: null });
        break;
      case 'MergeRecovered':
        this.close(end('without-a-word'));
        this.begin(recorded, {
          began: 'recovered',
          ...named(event.run),
          by: null,
          recovery: {
            blocks: event.streamSaid.blocks,
            bytes: event.streamSaid.bytes,
            nextBlock: event.streamSaid.nextBlock,
            redoBytesAtMost: event.redoBytesAtMost,
            destinationFound: event.diskSaid.destination !== null,
            moved: event.diskSaid.moved,
          },
        });
        break;
      case 'MergeStarted':
        this.heard(recorded, named(event.run));
        break;
      case 'BlockMerged':
        this.committed = event.totals;
        this.heard(recorded);
        break;
      case 'MergeSuspended':
        this.heard(recorded);
        this.close(end('suspended', { endedBy: event.by, endedWhy: event.why, missingBytes: event.missingBytes }));
        break;
      case 'MergeFailed':
        this.heard(recorded);
        this.close(end(event.resumable ? 'failed' : 'failed-for-good', { endedWhy: event.error.message }));
        break;
      case 'MergeRefused':
        this.heard(recorded);
        this.close(end('refused', { endedWhy: event.error.message }));
        break;
      case 'MergeCompleted':
        this.heard(recorded);
        this.close(end('completed'));
        break;
      case 'MergeTerminated':
        this.terminated(recorded, end('terminated', { endedBy: event.by, endedWhy: event.why }));
        break;
      case 'JobMoved':
        // By another process, which held the locks: a run without an end was dead by then.
        this.close(end('without-a-word'));
        break;
      case 'ChainAccepted':
      case 'LinkPrepared':
      case 'DestinationClaimed':
      case 'JournalOutageEnded':
      case 'DestinationFinalized':
      case 'MergeVerified':
      case 'ChildReparented':
      case 'SourceRetired':
        this.heard(recorded);
        break;
    }
  }

  get epoch(): number {
    return this.current?.epoch ?? 0;
  }

  told(): { readonly runs: Excerpt<ReportedRun>; readonly interruptions: number } {
    this.close(end('not-ended'));
    return { runs: this.runs.excerpt(), interruptions: this.interruptions };
  }

  /** `terminate` on a job that nobody runs is another process's doing, after the locks were free. */
  private terminated(recorded: RecordedEvent, ending: End): void {
    const { host, pid } = recorded.meta.actor;
    if (this.current?.host !== host || this.current.pid !== pid) {
      this.close(end('without-a-word'));
      return;
    }
    this.heard(recorded);
    this.close(ending);
  }

  private begin(
    recorded: RecordedEvent,
    how: Pick<ReportedRun, 'began' | 'epoch' | 'bootId' | 'by' | 'recovery'>,
  ): void {
    const { actor, appVersion } = recorded.meta;
    this.before = this.committed;
    this.current = {
      ...how,
      host: actor.host,
      pid: actor.pid,
      user: actor.id,
      appVersion,
      beganAt: recorded.occurredAt,
      lastEventAt: recorded.occurredAt,
      ...end('not-ended'),
      blocks: 0,
      bytes: 0,
    };
  }

  private heard({ occurredAt }: RecordedEvent, more: Partial<ReportedRun> = {}): void {
    if (this.current !== null) this.current = { ...this.current, ...more, lastEventAt: occurredAt };
  }

  private close(ending: End): void {
    if (this.current === null) return;
    if (ending.ended === 'without-a-word') this.interruptions += 1;
    const blocks = this.committed.blocks - this.before.blocks;
    const bytes = this.committed.bytes - this.before.bytes;
    this.runs.add({ ...this.current, ...ending, blocks, bytes });
    this.current = null;
  }
}

const named = ({ epoch, bootId }: RunIdentity): Pick<ReportedRun, 'epoch' | 'bootId'> => ({ epoch, bootId });
