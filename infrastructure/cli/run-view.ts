import type { MergeProgress } from '#application/progress/merge-progress';
import type { MergeJobState } from '#domain/merge-job/state';

/** A run that somebody watches. */
export interface WatchedRun {
  readonly jobId: string;
  readonly state: MergeJobState;
  /** The first event of this run in the job's stream. */
  readonly firstRevision: number;
  readonly progress: MergeProgress;
}

/**
 * Shows a run while it goes on. It reads the journal and samples the progress: whatever it does, or fails to do, the run neither
 * waits for it nor hears of it.
 */
export interface RunView {
  begin(run: WatchedRun): void;
  /** Resolves when everything up to this revision was shown; rejects when that has not happened in time (null: no limit). */
  end(lastRevision: number, withinMs: number | null): Promise<void>;
}

/** `--quiet`, and anything that shows its result only. */
export const silentView: RunView = { begin: () => undefined, end: async () => undefined };
