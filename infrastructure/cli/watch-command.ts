import { InvalidArgumentError, Option, type Command } from 'commander';
import type { WatchEnd } from '#application/use-cases/watch-merge';
import { commandText } from './ending-text.js';
import { printError } from './error-text.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import {
  withJournal,
  withJson,
  withQuiet,
  type CliContext,
  type GivenJournal,
  type GivenOutput,
} from './output-options.js';
import type { Terminal } from './terminal.js';
import { withProgram } from './with-program.js';

interface GivenWatch extends GivenJournal, GivenOutput {
  readonly from?: number;
}

export const addWatchCommand = (program: Command, { terminal, end }: CliContext): void => {
  withQuiet(
    withJson(
      withJournal(program.command('watch')),
      'one JSON object per line: all events from the first on, progress, and last an end',
    ),
  )
    .summary('follow a job, whoever runs it')
    .description(
      'Follows a job until its run is over. Exit code 0 when it is completed, 1 when it failed or its process is gone, 4 when it was\n' +
        'stopped. Ending the watching (Ctrl-C) does nothing to the job.',
    )
    .argument('<JOB>', 'a job id, or the first characters of it (at least four)')
    .addOption(
      new Option(
        '--from <REVISION>',
        'events from this revision on; default: 0 with --json, else what comes now',
      ).argParser((text: string) => {
        if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Expected a revision: 0 or more.');
        return Number(text);
      }),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  chainfold watch 3f2a\n  chainfold watch 3f2a --json | jq -c "select(.type == \\"progress\\")"',
    )
    .action(async (job: string, given: GivenWatch) => end(await watch(job, given, terminal)));
};

const watch = async (name: string, given: GivenWatch, terminal: Terminal): Promise<ExitCode> =>
  await withProgram({ journal: given.journal, journalMode: 'read-only' }, async (program) => {
    const job = await program.watchMerge.find(name);
    if (!job.ok) {
      await printError(terminal, job.error);
      return EXIT.failed;
    }
    const { jobId, revision } = job.value;
    const { followAsJson, followAsText } = await import('./follow-job.js');
    const from = given.from ?? (given.json === true ? 0 : revision + 1);
    const ended =
      given.json === true
        ? await followAsJson(jobId, from, program, terminal)
        : await followAsText(jobId, from, program, terminal, given.quiet === true);
    return await sayEnd(ended, given, terminal);
  });

const sayEnd = async ({ jobId, state, runner }: WatchEnd, given: GivenWatch, { err }: Terminal): Promise<ExitCode> => {
  if (runner.presence === 'gone')
    await err.line(
      `chainfold: the process that ran job ${jobId} is gone. To go on: ${commandText('resume', jobId, given.journal)}`,
    );
  switch (state.phase) {
    case 'completed':
      return EXIT.done;
    case 'terminated':
    case 'moved':
      return EXIT.stopped;
    case 'failed':
    case 'refused':
    case 'unrequested':
      return EXIT.failed;
    case 'requested':
    case 'accepted':
    case 'merging':
    case 'finalized':
    case 'verified':
      return state.activity.kind === 'suspended' ? EXIT.stopped : EXIT.failed;
  }
};
