import { distinctUntilChanged, filter, map, skip, take, type Subscription } from 'rxjs';
import { MergeProgress } from '#application/progress/merge-progress';
import type { MergeOutcome, MergeRun } from '#application/merge/merge-run';
import type { MergeAnswer, ProgressFor } from '#application/use-cases/run-merge';
import type { MergeError } from '#domain/merge-error';
import { isStarted } from '#domain/merge-job/state';
import type { Program } from '../container/compose.js';
import { printError } from './error-text.js';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.js';
import { completedText, endedText, goOnText } from './ending-text.js';
import { printable, printableJson } from './printable.js';
import { endingOfCompleted, endingOfRefusal, endingOfRun, type EndedRun, type Ending } from './result-line.js';
import { makeView } from './make-view.js';
import type { OutputOptions } from './output-options.js';
import { StopSignals } from './stop-signals.js';
import type { Terminal } from './terminal.js';

export interface JobToRun {
  readonly program: Program;
  readonly terminal: Terminal;
  readonly output: OutputOptions;
  /** As it was named on the command line: commands in messages name it, too. */
  readonly journal: string | undefined;
  readonly begin: (progressFor: ProgressFor) => Promise<MergeAnswer>;
}

/** Runs one job to its end, shown as was asked for, and says how it ended: in words or as the result line. */
export const runJob = async (toRun: JobToRun): Promise<ExitCode> => {
  const { program, terminal, begin } = toRun;
  const { clock, host } = program.ports;
  const startedAt = clock.monotonic();
  const elapsed = (): number => clock.monotonic() - startedAt;
  // On a terminal the bar has no end of line.
  const lead = terminal.out.isTerminal ? '\n' : '';
  const say = (words: string): void => void terminal.err.line(`${lead}chainfold: ${words}`);
  let run: MergeRun | null = null;
  const askToStop = (): void => run?.stop.ask({ action: 'suspend', by: host.user, why: 'signal' });
  const signals = new StopSignals(
    () => {
      askToStop();
      say('stopping at the next durable point …');
    },
    () => say('still stopping: the block under way is being made durable.'),
  );
  try {
    const progresses = new Map<string, MergeProgress>();
    const answer = await begin((jobId) => {
      const progress = new MergeProgress(jobId, clock);
      progresses.set(jobId, progress);
      return progress;
    });
    if (answer.answer !== 'running') return await answered(answer, toRun, elapsed());
    run = answer.run;
    if (signals.received) askToStop();
    const ended = await watched(run, progresses.get(run.job.jobId)!, toRun, say);
    return await runEnded(ended, toRun, elapsed());
  } finally {
    signals.stopListening();
  }
};

const watched = async (
  run: MergeRun,
  progress: MergeProgress,
  toRun: JobToRun,
  say: (words: string) => void,
): Promise<EndedRun> => {
  const { jobId, state } = run.job;
  if (!toRun.output.quiet) await warnOfMissingProtection(run, toRun.terminal);
  const view = makeView(toRun);
  view.begin({ jobId, state, firstRevision: run.firstRevision, progress });
  const told = tellOfJournal(progress, say);
  told.add(tellOfSpace(progress, say));
  const outcome = await run.toEnd();
  told.unsubscribe();
  progress.end(outcome.outcome === 'completed');
  try {
    await view.end(run.job.revision, isJournalAway(outcome) ? AWAY_PATIENCE_MS : null);
  } catch (fault) {
    // The journal went away. The merge has its own answer to that; here it only means that not all events were shown.
    const reason = fault instanceof Error ? fault.message : String(fault);
    await toRun.terminal.err.line(`chainfold: not all events could be shown: ${printable(reason)}`);
  }
  return { jobId, state: run.job.state, outcome, redone: run.workRedone };
};

/** How long the view waits for events of a journal that the run has given up. */
const AWAY_PATIENCE_MS = 1000;

const isJournalAway = (outcome: MergeOutcome): boolean =>
  outcome.outcome === 'suspended' && outcome.why === 'journal-unreachable' && !outcome.recorded;

/** The merge stands still while its journal is away, and goes on by itself: both are said once. */
const tellOfJournal = (progress: MergeProgress, say: (words: string) => void): Subscription =>
  progress.ticks$
    .pipe(
      map(({ journalAway }) => journalAway),
      distinctUntilChanged(),
      skip(1),
    )
    .subscribe((reason) => {
      say(
        reason === null
          ? 'the journal is back; the merge goes on.'
          : `the journal cannot be reached: ${printable(reason)} The merge waits at a durable point and goes on when the journal is back.`,
      );
    });

const tellOfSpace = (progress: MergeProgress, say: (words: string) => void): Subscription =>
  progress.ticks$
    .pipe(
      filter(({ spaceNotReserved }) => spaceNotReserved),
      take(1),
    )
    .subscribe(() => {
      say(
        'this file system cannot set space aside: when something else fills it meanwhile, the merge stops at a durable point.',
      );
    });

const warnOfMissingProtection = async ({ job: { state } }: MergeRun, { err }: Terminal): Promise<void> => {
  if (!isStarted(state)) return;
  for (const missing of state.chain.missingProtection) await err.line(`chainfold: warning: ${printable(missing)}`);
};

const answered = async (
  answer: Exclude<MergeAnswer, { answer: 'running' }>,
  toRun: JobToRun,
  elapsedMs: number,
): Promise<ExitCode> => {
  const { terminal, output, program } = toRun;
  if (answer.answer === 'already-completed') {
    await tell(toRun, endingOfCompleted(answer, elapsedMs), completedText(answer.jobId, answer.state, 'before'));
    return EXIT.done;
  }
  const ending = endingOfRefusal(answer, elapsedMs);
  if (output.json && !output.quiet && answer.state?.phase === 'refused' && answer.jobId !== null) {
    const { printEventsAsJson } = await import('./print-events.js');
    await printEventsAsJson(answer.jobId, 0, program, terminal);
  }
  await tell(toRun, ending, []);
  await printError(terminal, answer.error);
  return exitCodeOf(answer.error);
};

const runEnded = async (ended: EndedRun, toRun: JobToRun, elapsedMs: number): Promise<ExitCode> => {
  const { terminal, journal } = toRun;
  const { outcome } = ended;
  const ending = endingOfRun(ended, elapsedMs);
  await tell(toRun, ending, outcome.outcome === 'completed' ? completedText(ended.jobId, ended.state, 'now') : []);
  if ('error' in outcome && outcome.error !== null) await printError(terminal, outcome.error);
  for (const line of [...endedText(ended), ...goOnText(ended, journal)]) await terminal.err.line(`chainfold: ${line}`);
  return ending.exitCode;
};

/** The journal could not be had: there is no job, and nothing was touched. */
export const refusedBeforeStart = async (
  error: MergeError,
  shown: Pick<JobToRun, 'terminal' | 'output'>,
): Promise<ExitCode> => {
  const ending = endingOfRefusal({ answer: 'refused', error, jobId: null, state: null }, 0);
  await tell(shown, ending, []);
  await printError(shown.terminal, error);
  return ending.exitCode;
};

/** The result line is always there; the words only without --json. */
const tell = async (
  { terminal, output }: Pick<JobToRun, 'terminal' | 'output'>,
  { line }: Ending,
  text: readonly string[],
): Promise<void> => {
  if (output.json) await terminal.out.line(printableJson(line));
  else for (const sentence of text) await terminal.out.line(sentence);
};
