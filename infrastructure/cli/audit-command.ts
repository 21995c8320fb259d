import type { Command } from 'commander';
import type { JobAudit, StreamAudit } from '#application/use-cases/audit-job';
import { counted, inUnits } from './bytes-argument.js';
import { printError } from './error-text.js';
import { EXIT, UsageError, type ExitCode } from './exit-codes.js';
import {
  withJournal,
  withJson,
  withQuiet,
  type CliContext,
  type GivenJournal,
  type GivenOutput,
} from './output-options.js';
import { printable, printableJson } from './printable.js';
import type { Terminal } from './terminal.js';
import { withProgram } from './with-program.js';

interface GivenAudit extends GivenJournal, GivenOutput {
  readonly data?: true;
  readonly export?: string;
}

export const addAuditCommand = (program: Command, { terminal, end }: CliContext): void => {
  withQuiet(
    withJson(
      withJournal(program.command('audit')),
      'one JSON object: jobId, right, streams (stream, events, head, problem), data (destination, blocks, bytes, differing, unreadable, changedSince) or null',
    ),
  )
    .summary('prove that the record of a job is whole')
    .description(
      'Checks the hash chain of the job’s stream and of its control stream, that every event is one that the job could have had\n' +
        'there, and what the store keeps beside the events. Names the first bad revision. Exit code 1 when anything is not right.\n' +
        'The head that it prints, kept elsewhere, tells later that nothing was cut off or rewritten.',
    )
    .argument('<JOB>', 'a job id, or the first characters of it (at least four)')
    .option('--data', 'read the destination, and compare each merged block with its recorded digest')
    .option('--export <FILE>', 'not in this build')
    .addHelpText('after', '\nExamples:\n  chainfold audit 3f2a\n  chainfold audit 3f2a --data --json')
    .action(async (job: string, given: GivenAudit) => end(await audit(job, given, terminal)));
};

const audit = async (job: string, given: GivenAudit, terminal: Terminal): Promise<ExitCode> => {
  if (given.export !== undefined)
    throw new UsageError(
      'this build does not have --export yet. `chainfold events JOB --json > FILE` writes the same events.',
    );
  return await withProgram({ journal: given.journal, journalMode: 'read-only' }, async (program) => {
    const audited = await program.auditJob.audit(job, given.data === true);
    if (!audited.ok) {
      await printError(terminal, audited.error);
      return EXIT.failed;
    }
    const { jobId, isRight, streams, data } = audited.value;
    if (given.json === true) await terminal.out.line(printableJson({ jobId, right: isRight, streams, data }));
    else for (const line of auditText(audited.value, given.quiet === true)) await terminal.out.line(line);
    return isRight ? EXIT.done : EXIT.failed;
  });
};

const auditText = ({ jobId, isRight, streams, data }: JobAudit, quiet: boolean): readonly string[] => [
  ...streams.filter(({ events, problem }) => problem !== null || (events > 0 && !quiet)).flatMap(streamText),
  ...(data === null ? [] : dataText(data)),
  `Job ${jobId}: ${isRight ? 'right' : 'NOT RIGHT'}`,
];

const streamText = ({ stream, events, head, problem }: StreamAudit): readonly string[] => {
  const good = `${stream}: ${counted(events, 'event')} right; head: revision ${head.revision}, hash ${head.hash}`;
  if (problem === null) return [printable(good)];
  const where = problem.revision === null ? 'what the store keeps beside the events' : `revision ${problem.revision}`;
  return [printable(good), printable(`${stream}: first bad: ${where}: ${problem.what}`)];
};

const dataText = (data: NonNullable<JobAudit['data']>): readonly string[] => {
  const { destination, blocks, bytes, differing, unreadable, changedSince } = data;
  if (destination === null) return ['Data: the job never got as far as a destination.'];
  if (unreadable !== null) return [`Data: ${printable(unreadable)}`];
  const read = `Data: ${counted(blocks, 'block')}, ${inUnits(bytes)} of ${printable(destination)} compared`;
  if (differing.length === 0) return [`${read}: all as recorded.`];
  const some = differing.slice(0, 10).join(', ') + (differing.length > 10 ? ', …' : '');
  return [
    `${read}: ${counted(differing.length, 'block')} not as recorded: ${some}.`,
    ...(changedSince ? ['The file was changed after the merge had ended: a disk in use differs, and rightly so.'] : []),
  ];
};
