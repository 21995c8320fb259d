import type { MergeOutcome } from '#application/merge/merge-run';
import type { MergeAnswer } from '#application/use-cases/run-merge';
import { jobStateOf } from '#application/use-cases/job-summary';
import { returnCodeOf, type MergeError } from '#domain/merge-error';
import { committedOf, type MergeJobState } from '#domain/merge-job/state';
import { RETURN_CODE } from '#domain/return-code';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.js';

/** The last line of `merge --json` and `resume --json`. DESIGN §6. */
export interface ResultLine {
  readonly type: 'result';
  readonly jobId: string | null;
  readonly returnValue: number;
  readonly jobState: number;
  readonly hresult: number;
  readonly error: { readonly kind: string; readonly message: string; readonly path: string | null } | null;
  readonly blocksMerged: number;
  readonly bytesMerged: number;
  readonly blocksRedone: number;
  readonly bytesRedone: number;
  readonly elapsedMs: number;
}

/** How a command that merges ended: what it tells a program, and the shell. */
export interface Ending {
  readonly line: ResultLine;
  readonly exitCode: ExitCode;
}

/** A run that has ended, with the job as it left it. */
export interface EndedRun {
  readonly jobId: string;
  readonly state: MergeJobState;
  readonly outcome: MergeOutcome;
  readonly redone: { readonly blocks: number; readonly bytes: number };
}

/** ERROR_CANCELLED: somebody wanted it so. winerror.h. */
const CANCELLED = 0x800704c7;
const EXCEPTION = 10;

/** A request that was refused has a stream for the audit, but there is no job: the WMI method gives none back either. */
export const endingOfRefusal = (
  { error, jobId, state }: Extract<MergeAnswer, { answer: 'refused' }>,
  elapsedMs: number,
): Ending => {
  const isJob = state !== null && state.phase !== 'refused' && state.phase !== 'unrequested';
  const job = { jobId: isJob ? jobId : null, state, jobState: isJob ? jobStateOf(state).number : EXCEPTION };
  return { line: resultLine(job, codesOf(error), NOTHING, elapsedMs), exitCode: exitCodeOf(error) };
};

export const endingOfCompleted = (
  { jobId, state }: Extract<MergeAnswer, { answer: 'already-completed' }>,
  elapsedMs: number,
): Ending => ({
  line: resultLine({ jobId, state, jobState: jobStateOf(state).number }, COMPLETED, NOTHING, elapsedMs),
  exitCode: EXIT.done,
});

export const endingOfRun = ({ jobId, state, outcome, redone }: EndedRun, elapsedMs: number): Ending => {
  const line = (jobState: number, codes: Codes): ResultLine =>
    resultLine({ jobId, state, jobState }, codes, redone, elapsedMs);
  switch (outcome.outcome) {
    case 'completed':
      return { line: line(7, COMPLETED), exitCode: EXIT.done };
    case 'suspended': {
      const codes = outcome.error === null ? STOPPED : codesOf(outcome.error);
      return { line: line(5, codes), exitCode: EXIT.stopped };
    }
    case 'terminated':
      return { line: line(8, STOPPED), exitCode: EXIT.stopped };
    case 'failed':
      return { line: line(EXCEPTION, codesOf(outcome.error)), exitCode: EXIT.failed };
  }
};

type Codes = Pick<ResultLine, 'returnValue' | 'hresult' | 'error'>;

const COMPLETED: Codes = { returnValue: RETURN_CODE.completed, hresult: 0, error: null };
const STOPPED: Codes = { returnValue: RETURN_CODE.failed, hresult: CANCELLED, error: null };
const NOTHING = { blocks: 0, bytes: 0 };

const codesOf = (error: MergeError): Codes => ({
  returnValue: returnCodeOf(error),
  hresult: error.hresult,
  error: { kind: error.kind, message: error.message, path: error.path },
});

const resultLine = (
  job: { readonly jobId: string | null; readonly state: MergeJobState | null; readonly jobState: number },
  { returnValue, hresult, error }: Codes,
  redone: { readonly blocks: number; readonly bytes: number },
  elapsedMs: number,
): ResultLine => {
  const committed = job.state === null ? NOTHING : committedOf(job.state);
  return {
    type: 'result',
    jobId: job.jobId,
    returnValue,
    jobState: job.jobState,
    hresult,
    error,
    blocksMerged: committed.blocks,
    bytesMerged: committed.bytes,
    blocksRedone: redone.blocks,
    bytesRedone: redone.bytes,
    elapsedMs: Math.round(elapsedMs),
  };
};
