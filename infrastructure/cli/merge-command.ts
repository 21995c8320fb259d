import type { Command } from 'commander';
import type { MergeError } from '#domain/merge-error';
import type { ExitCode } from './exit-codes.js';
import { journalWaitOf, mergeOptionsOf, withMergeOptions, type GivenMergeOptions } from './merge-options.js';
import {
  assertSearch,
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

type GivenMerge = GivenMergeOptions & GivenJournal & GivenKey & GivenOutput;

export const addMergeCommand = (program: Command, { terminal, end }: CliContext): void => {
  withQuiet(
    withJson(
      withMergeOptions(withKey(withJournal(program.command('merge')))),
      'one JSON object per line: events, progress, and last the result',
    ),
  )
    .summary('merge a differencing disk into one of its ancestors')
    .description(
      'Merges SOURCE, and the disks between, into DESTINATION, one of its ancestors. Afterwards DESTINATION reads as SOURCE did.\n' +
        'The same command again goes on with a merge that was interrupted. Both paths are absolute.',
    )
    .argument('<SOURCE>', 'the child: a differencing disk')
    .argument('<DESTINATION>', 'its parent, or any disk below')
    .addHelpText(
      'after',
      `
Ctrl-C (or SIGTERM) stops at a durable point; exit code 4. Exit codes: 0 done, 1 failed, 2 wrong usage,
3 refused and nothing written, 4 stopped.

Examples:
  chainfold merge /vm/web-snapshot.vhd /vm/web.vhd
  chainfold merge "$PWD/child.vhd" "$PWD/base.vhd" --retire delete --rate 50M
  chainfold merge /vm/a.vhd /vm/base.vhd --json | jq -c 'select(.type == "result")'`,
    )
    .action(async (source: string, destination: string, given: GivenMerge) =>
      end(await merge(source, destination, given, terminal)),
    );
};

const merge = async (source: string, destination: string, given: GivenMerge, terminal: Terminal): Promise<ExitCode> => {
  const options = mergeOptionsOf(given);
  const output = outputOf(given);
  const { runJob, refusedBeforeStart } = await import('./run-job.js');
  return await withProgram(
    { journal: given.journal, journalMode: 'read-write', key: given.key, ...journalWaitOf(given) },
    async (program) => {
      await assertSearch(options, (path) => program.ports.files.stat(path));
      return await runJob({
        program,
        terminal,
        output,
        journal: given.journal,
        begin: (progressFor) => program.runMerge.request(source, destination, options, progressFor),
      });
    },
    (error: MergeError) => refusedBeforeStart(error, { terminal, output }),
  );
};
