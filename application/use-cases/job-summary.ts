import { committedOf, isStarted, type JobActivity, type MergeJobState } from '#domain/merge-job/state';

/** CIM_ConcreteJob.JobState. */
export interface JobStateName {
  readonly number: number;
  readonly name: string;
}

const STARTING: JobStateName = { number: 3, name: 'Starting' };
const RUNNING: JobStateName = { number: 4, name: 'Running' };
const SUSPENDED: JobStateName = { number: 5, name: 'Suspended' };
const COMPLETED: JobStateName = { number: 7, name: 'Completed' };
const TERMINATED: JobStateName = { number: 8, name: 'Terminated' };
/** CIM knows no such state: for this journal the job is over, as if it had been terminated. */
const MOVED: JobStateName = { number: 8, name: 'Moved' };
const EXCEPTION: JobStateName = { number: 10, name: 'Exception' };

/** The job's state as a WMI client sees it. A job whose run died is Running: its state is what the stream says. */
export const jobStateOf = (state: MergeJobState): JobStateName => {
  switch (state.phase) {
    case 'unrequested':
      return STARTING;
    case 'requested':
    case 'accepted':
      return whileUnfinished(state.activity, STARTING);
    case 'merging':
    case 'finalized':
    case 'verified':
      return whileUnfinished(state.activity, RUNNING);
    case 'completed':
      return COMPLETED;
    case 'terminated':
      return TERMINATED;
    case 'moved':
      return MOVED;
    case 'refused':
    case 'failed':
      return EXCEPTION;
  }
};

const whileUnfinished = (activity: JobActivity, running: JobStateName): JobStateName => {
  switch (activity.kind) {
    case 'running':
      return running;
    case 'suspended':
      return SUSPENDED;
    case 'failed':
      return EXCEPTION;
  }
};

/** 100 if and only if the job is completed. */
export const percentOf = (state: MergeJobState): number => {
  if (state.phase === 'completed') return 100;
  const chain = 'chain' in state ? state.chain : null;
  if (chain === null) return 0;
  if (isStarted(state) && state.phase !== 'merging') return 99;
  const { bytes } = committedOf(state);
  return chain.bytes === 0 ? 0 : Math.min(99, Math.floor((bytes / chain.bytes) * 100));
};
