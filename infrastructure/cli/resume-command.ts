import type { Command } from 'commander';
import type { RunLimits } from '#application/merge/run-context';
import type { JobSummary } from '#application/use-cases/list-jobs';
import type { Program } from '../container/compose.js';
import { printError } from './error-text.js';
import { EXIT, UsageError, type ExitCode } from './exit-codes.js';
import { journalWaitOf, withLimits, type GivenLimits } from './merge-options.js';
import {
  outputOf,
  withJournal,
  withJson,
  withKey,
  withQuiet,
  type CliContext,
  type GivenJournal,
  type GivenKey,
  type GivenOutput,
} from './output-options.js';
import type { Terminal } from './terminal.js';
import { withProgram } from './with-program.js';

interface GivenResume extends GivenJournal, GivenKey, GivenOutput, GivenLimits {
  readonly all?: true;
}

export const addResumeCommand = (program: Command, { terminal, end }: CliContext): void => {
  withQuiet(
    withJson(
      withLimits(withKey(withJournal(program.command('resume')))),
      'one JSON object per line: events, progress, and a result for each job',
    ),
  )
    .summary('go on with unfinished jobs')
    .description(
      'Goes on with a job after its last committed block. Without JOB: with the only unfinished one. A job keeps the options of its\n' +
        'request; window and rate are those given here.',
    )
    .argument('[JOB]', 'a job id, or the first characters of it (at least four)')
    .option('--all', 'every unfinished job, one after the other')
    .addHelpText('after', '\nExamples:\n  chainfold resume 3f2a\n  chainfold resume --all --rate 20M --json')
    .action(async (job: string | undefined, given: GivenResume) => end(await resume(job, given, terminal)));
};

const resume = async (job: string | undefined, given: GivenResume, terminal: Terminal): Promise<ExitCode> => {
  if (job !== undefined && given.all === true) throw new UsageError('expected JOB or --all, found both.');
  const { refusedBeforeStart } = await import('./run-job.js');
  return await withProgram(
    { journal: given.journal, journalMode: 'read-write', key: given.key, ...journalWaitOf(given) },
    async (program) => {
      if (job !== undefined) {
        const found = await program.watchMerge.find(job);
        if (found.ok) return await resumeOne(found.value.jobId, given, program, terminal);
        await printError(terminal, found.error);
        return EXIT.failed;
      }
      const unfinished = (await program.listJobs.all()).filter((one) => one.isUnfinished);
      return await resumeSeveral(unfinished, given, program, terminal);
    },
    (error) => refusedBeforeStart(error, { terminal, output: outputOf(given) }),
  );
};

const resumeSeveral = async (
  jobs: readonly JobSummary[],
  given: GivenResume,
  program: Program,
  terminal: Terminal,
): Promise<ExitCode> => {
  if (jobs.length === 0) {
    if (given.json !== true && given.quiet !== true) await terminal.out.line('There is no unfinished job.');
    return EXIT.done;
  }
  if (given.all !== true && jobs.length > 1) {
    const ids = jobs.map(({ jobId }) => jobId).join(', ');
    throw new UsageError(`expected JOB or --all, as there are several unfinished jobs: ${ids}.`);
  }
  let worst: ExitCode = EXIT.done;
  for (const { jobId } of jobs) {
    const code = await resumeOne(jobId, given, program, terminal);
    worst = worse(worst, code);
    // Whoever stopped this one did not mean to start the next.
    if (code === EXIT.stopped) break;
  }
  return worst;
};

const resumeOne = async (
  jobId: string,
  given: GivenResume,
  program: Program,
  terminal: Terminal,
): Promise<ExitCode> => {
  const { runJob } = await import('./run-job.js');
  const limits: Partial<RunLimits> = {
    ...(given.window === undefined ? {} : { windowBytes: given.window }),
    ...(given.rate === undefined ? {} : { rateBytesPerSecond: given.rate }),
  };
  return await runJob({
    program,
    terminal,
    output: outputOf(given),
    journal: given.journal,
    begin: (progressFor) => program.runMerge.resume(jobId, limits, progressFor),
  });
};

/** A job that failed weighs most, then one that was stopped, then one that was refused. */
const worse = (a: ExitCode, b: ExitCode): ExitCode => {
  const order: readonly ExitCode[] = [EXIT.done, EXIT.refused, EXIT.stopped, EXIT.failed];
  return order.indexOf(b) > order.indexOf(a) ? b : a;
};
