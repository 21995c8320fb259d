import type { Observable } from 'rxjs';
import type { MergeRun, MergeOutcome } from '#application/merge/merge-run';
import type { MergeProgress, ProgressTick } from '#application/progress/merge-progress';
import { returnCodeOf, type MergeError } from '#domain/merge-error';
import { RETURN_CODE } from '#domain/return-code';
import {
  cimInterval,
  cimTimestamp,
  JOB_STATE,
  REQUESTED_STATE,
  STATE_CHANGE,
  type JobState,
  type StateChangeReturn,
} from './cim.js';
import { msvmError, type MsvmError } from './msvm-error.js';

/** What a job is made of: who asked for what, and how to run it, now and again after a suspension. */
export interface JobParts {
  readonly instanceId: string;
  readonly source: string;
  readonly destination: string;
  readonly owner: string;
  readonly progress: MergeProgress;
  now(): number;
}

/** What a job that stands can be asked for. */
export interface JobControl {
  /** Goes on after a suspension; false: it cannot be. */
  takeUp(): Promise<boolean>;
  /** Ends it for good; false: it has ended already. */
  terminate(): Promise<boolean>;
  /** Is there as much room as was missing when it stopped? */
  hasRoom(): Promise<boolean>;
}

const FIRST_ROOM_DELAY_MS = 5000;
const LONGEST_ROOM_DELAY_MS = 5 * 60 * 1000;

/**
 * A merge as CIM_ConcreteJob shows one (`Msvm_StorageJob`). Getters tell the state of the moment. `progress$` holds the newest
 * tick only, so a slow watcher costs nothing; unsubscribing from it cancels nothing. `completed` resolves with this job when it
 * has ended, well or not, and never rejects for a merge that failed.
 */
export class ConcreteJob {
  readonly name = 'Merge Virtual Hard Disk';
  readonly caption = 'Storage Job';
  readonly healthState = 5;
  readonly deleteOnCompletion = false;
  readonly jobType = 5; // Merging
  readonly cimClass = 'Msvm_StorageJob';
  readonly completed: Promise<ConcreteJob>;

  private state: JobState = JOB_STATE.running;
  private error: MergeError | null = null;
  private nextStep: string | null = null;
  private run: MergeRun | null = null;
  private readonly submittedAt: number;
  private changedAt: number;
  private endedAt: number | null = null;
  /** Settles when no run of this job is under way. */
  private standing: Promise<void> = Promise.resolve();
  private control: JobControl = {
    takeUp: () => Promise.resolve(false),
    terminate: () => Promise.resolve(false),
    hasRoom: () => Promise.resolve(false),
  };
  private roomTimer: NodeJS.Timeout | undefined;
  private roomDelayMs = FIRST_ROOM_DELAY_MS;
  private resolveCompleted!: (job: ConcreteJob) => void;
  private rejectCompleted!: (bug: unknown) => void;

  constructor(private readonly parts: JobParts) {
    this.submittedAt = parts.now();
    this.changedAt = this.submittedAt;
    this.completed = new Promise((resolve, reject) => {
      this.resolveCompleted = resolve;
      this.rejectCompleted = reject;
    });
  }

  /** Runs to the end of the run. */
  follow(run: MergeRun, control: JobControl): void {
    this.run = run;
    this.control = control;
    this.error = null;
    this.enter(JOB_STATE.running);
    this.standing = run.toEnd().then(
      (outcome) => {
        this.ended(outcome);
      },
      (bug: unknown) => {
        this.rejectCompleted(bug);
      },
    );
  }

  /** A job that had completed before this process began. */
  markCompleted(): void {
    this.ended({ outcome: 'completed' });
  }

  get instanceId(): string {
    return this.parts.instanceId;
  }
  get elementName(): string {
    return this.name;
  }
  get description(): string {
    return `Merging ${this.parts.source} into ${this.parts.destination}`;
  }
  get owner(): string {
    return this.parts.owner;
  }
  get jobState(): JobState {
    return this.state;
  }
  get jobStatus(): string {
    return this.error?.message ?? (this.state === JOB_STATE.completed ? 'Completed' : 'OK');
  }
  /** 2 OK, 3 Degraded (suspended), 6 Error. */
  get operationalStatus(): readonly number[] {
    return [this.state === JOB_STATE.exception ? 6 : this.state === JOB_STATE.suspended ? 3 : 2];
  }
  /** 0 to 99; 100 only when the job is completed. */
  get percentComplete(): number {
    return this.state === JOB_STATE.completed ? 100 : this.parts.progress.current.percent;
  }
  /** CIM interval: run time so far, or in all. */
  get elapsedTime(): string {
    return cimInterval(this.elapsedMs);
  }
  get elapsedMs(): number {
    return (this.endedAt ?? this.parts.now()) - this.submittedAt;
  }
  get timeSubmitted(): string {
    return cimTimestamp(this.submittedAt);
  }
  get startTime(): string {
    return cimTimestamp(this.submittedAt);
  }
  get timeOfLastStateChange(): string {
    return cimTimestamp(this.changedAt);
  }
  /** A hint: a stop is obeyed at the next durable point, until the last steps are under way. */
  get cancellable(): boolean {
    return !this.hasEnded && this.parts.progress.current.stage !== 'finishing';
  }
  /** 0 if and only if the job completed; null while it has not ended. */
  get errorCode(): number | null {
    if (this.state === JOB_STATE.completed) return 0;
    if (!this.hasEnded) return null;
    return this.error === null ? RETURN_CODE.failed : returnCodeOf(this.error);
  }
  get errorDescription(): string | null {
    return this.error === null
      ? null
      : [this.error.message, this.nextStep ?? ''].filter((text) => text !== '').join(' ');
  }
  get errorSummaryDescription(): string | null {
    return this.error?.message ?? null;
  }
  /** HRESULT; null while the job has not ended. */
  get jobCompletionStatusCode(): number | null {
    if (this.state === JOB_STATE.completed) return 0;
    return this.hasEnded ? (this.error?.hresult ?? ERROR_CANCELLED) : null;
  }
  /** 4: run the job again. */
  get recoveryAction(): number {
    return this.state === JOB_STATE.exception ? 4 : 0;
  }
  /** On failure: the child and the parent of the merge that failed. */
  get child(): string | null {
    return this.error === null ? null : this.parts.source;
  }
  get parent(): string | null {
    return this.error === null ? null : this.parts.destination;
  }
  /** The journal keeps a job for ever; this is the least the interface promises. */
  get timeBeforeRemoval(): string {
    return cimInterval(5 * 60 * 1000);
  }

  get progress$(): Observable<ProgressTick> {
    return this.parts.progress.ticks$;
  }

  /**
   * CIM RequestStateChange: 2 Start (go on after a suspension), 3 Suspend, 4 Terminate (final), 5 Kill (as 4). A stop happens at
   * the next durable point. Returns 4096 when the change has begun, 4097 when this state does not allow it, 1 for an unknown
   * state, 4098 when a timeout is given.
   */
  async requestStateChange(requestedState: number, timeoutPeriod?: string): Promise<StateChangeReturn> {
    if (timeoutPeriod !== undefined) return STATE_CHANGE.timeoutNotSupported;
    if (this.hasEnded) return STATE_CHANGE.invalidTransition;
    switch (requestedState) {
      case REQUESTED_STATE.start:
        if (this.state !== JOB_STATE.suspended) return STATE_CHANGE.invalidTransition;
        return (await this.control.takeUp()) ? STATE_CHANGE.transitionStarted : STATE_CHANGE.invalidTransition;
      case REQUESTED_STATE.suspend:
        return this.stop('suspend');
      case REQUESTED_STATE.terminate:
      case REQUESTED_STATE.kill:
        return this.state === JOB_STATE.suspended ? await this.terminateSuspended() : this.stop('terminate');
      default:
        return STATE_CHANGE.notSupported;
    }
  }

  /** Msvm_Error of a job that is not well, else null. */
  getError(): MsvmError | null {
    return this.error === null ? null : msvmError(this.error, this.nextStep);
  }

  get hasEnded(): boolean {
    return this.endedAt !== null;
  }

  isOf(source: string, destination: string): boolean {
    return this.parts.source === source && this.parts.destination === destination;
  }

  /** Stops a running job at a durable point and waits until it stands. It can be resumed later, by any process. */
  async stopForGood(): Promise<void> {
    clearTimeout(this.roomTimer);
    if (this.state === JOB_STATE.running && !this.hasEnded) this.stop('suspend');
    await this.standing;
  }

  private stop(action: 'suspend' | 'terminate'): StateChangeReturn {
    if (this.state !== JOB_STATE.running || this.run === null) return STATE_CHANGE.invalidTransition;
    this.run.stop.ask({ action, by: this.parts.owner, why: 'requested' });
    return STATE_CHANGE.transitionStarted;
  }

  /** Nobody runs a suspended job, so it is ended in the journal. */
  private async terminateSuspended(): Promise<StateChangeReturn> {
    if (!(await this.control.terminate())) return STATE_CHANGE.invalidTransition;
    this.ended({ outcome: 'terminated' });
    return STATE_CHANGE.completed;
  }

  /** Out of space: looks for room now and then, and goes on by itself when there is some. */
  private waitForRoom(): void {
    this.roomTimer = setTimeout(() => {
      void this.goOnWhenThereIsRoom();
    }, this.roomDelayMs);
    // Thin storage says that there is room until something is flushed to it: tried less and less often.
    this.roomDelayMs = Math.min(this.roomDelayMs * 2, LONGEST_ROOM_DELAY_MS);
  }

  private async goOnWhenThereIsRoom(): Promise<void> {
    if (this.state !== JOB_STATE.suspended) return;
    try {
      if (!(await this.control.hasRoom()) || !(await this.control.takeUp())) this.waitForRoom();
    } catch (bug) {
      this.rejectCompleted(bug);
    }
  }

  private ended(outcome: MergeOutcome): void {
    if (outcome.outcome === 'suspended') {
      this.error = outcome.error;
      this.enter(JOB_STATE.suspended);
      if (outcome.why === 'out-of-space') this.waitForRoom();
      return;
    }
    this.error = null;
    if (outcome.outcome === 'failed') {
      this.error = outcome.error;
      this.nextStep = outcome.nextStep;
    }
    this.endedAt = this.parts.now();
    this.enter(END_STATES[outcome.outcome]);
    this.parts.progress.end(outcome.outcome === 'completed');
    this.resolveCompleted(this);
  }

  private enter(state: JobState): void {
    this.state = state;
    this.changedAt = this.parts.now();
  }
}

const END_STATES = {
  completed: JOB_STATE.completed,
  terminated: JOB_STATE.terminated,
  failed: JOB_STATE.exception,
} as const;

/** HRESULT of ERROR_CANCELLED: the job was ended on request. */
const ERROR_CANCELLED = 0x800704c7;
