import type { Command } from 'commander';
import { jobStreamName } from '#application/jobs/job-stream';
import type { JobSummary } from '#application/use-cases/list-jobs';
import { counted, inUnits } from './bytes-argument.js';
import { printError } from './error-text.js';
import { eventLine } from './event-line.js';
import { EXIT, UsageError, type ExitCode } from './exit-codes.js';
import { detailsJson, detailsText, summaryJson, whatItDoes } from './job-text.js';
import { withJournal, withJson, type CliContext, type GivenJournal, type GivenOutput } from './output-options.js';
import { printableJson } from './printable.js';
import { table } from './tables.js';
import type { Terminal } from './terminal.js';
import { withProgram } from './with-program.js';

type Given = GivenJournal & GivenOutput & { readonly from?: number };

const JOB = 'a job id, or the first characters of it (at least four)';

/** Commands that read jobs. None of them writes to the journal, or makes one. */
export const addJobCommands = (program: Command, { terminal, end }: CliContext): void => {
  withJson(
    withJournal(program.command('jobs')),
    'one JSON object per line and job: jobId, source, destination, jobState, jobStateName, phase, unfinished, running (at-work, gone, elsewhere, none), …',
  )
    .summary('list the jobs of a journal')
    .description('Lists all jobs, the newest last. "interrupted" is a job whose process ended without a word.')
    .addHelpText('after', "\nExamples:\n  chainfold jobs\n  chainfold jobs --json | jq -r 'select(.unfinished).jobId'")
    .action(async (given: Given) => end(await jobs(given, terminal)));

  withJson(
    withJournal(program.command('show')),
    'one JSON object: that of `jobs`, and options, images, history (all events but the blocks)',
  )
    .summary('show one job')
    .description('Shows what a job was asked for, what it has done, every interruption, and what to do next.')
    .argument('<JOB>', JOB)
    .addHelpText('after', '\nExample:\n  chainfold show 3f2a')
    .action(async (job: string, given: Given) => end(await show(job, given, terminal)));

  withJson(withJournal(program.command('events')), 'one JSON object per event: all that its hash covers, and the hash')
    .summary('print the events of a job')
    .description('Prints every event that the journal holds of a job, in order.')
    .argument('<JOB>', JOB)
    .addHelpText(
      'after',
      '\nExamples:\n  chainfold events 3f2a\n  chainfold events 3f2a --json | jq -c "[.revision, .type]"',
    )
    .action(async (job: string, given: Given) => end(await events(job, given, terminal)));
};

const jobs = async (given: Given, terminal: Terminal): Promise<ExitCode> =>
  await withProgram({ journal: given.journal, journalMode: 'read-only' }, async (program) => {
    const all = await program.listJobs.all();
    if (given.json === true) for (const job of all) await terminal.out.line(printableJson(summaryJson(job)));
    else if (all.length === 0) await terminal.out.line('No jobs in this journal.');
    else for (const line of table([HEADINGS, ...all.map(row)])) await terminal.out.line(line);
    return EXIT.done;
  });

const HEADINGS = ['JOB', 'STATE', 'DONE', 'BYTES', 'SOURCE → DESTINATION'];

const row = (job: JobSummary): readonly string[] => [
  job.jobId,
  whatItDoes(job),
  `${job.percent} %`,
  job.total === null ? '-' : `${inUnits(job.committed.bytes)} of ${inUnits(job.total.bytes)}`,
  `${job.source} → ${job.destination}`,
];

const show = async (name: string, given: Given, terminal: Terminal): Promise<ExitCode> =>
  await withProgram({ journal: given.journal, journalMode: 'read-only' }, async (program) => {
    const job = await program.listJobs.one(name);
    if (!job.ok) {
      const reparenting = await program.reparentImage.find(name);
      if (reparenting.ok)
        throw new UsageError(
          `${reparenting.value} is a re-parenting: its events are its story, see \`chainfold events\`.`,
        );
      await printError(terminal, job.error);
      return EXIT.failed;
    }
    if (given.json === true) await terminal.out.line(printableJson(detailsJson(job.value)));
    else for (const line of detailsText(job.value, given.journal)) await terminal.out.line(line);
    return EXIT.done;
  });

const events = async (name: string, given: Given, terminal: Terminal): Promise<ExitCode> =>
  await withProgram({ journal: given.journal, journalMode: 'read-only' }, async (program) => {
    const job = await program.watchMerge.find(name);
    if (!job.ok) {
      const reparenting = await program.reparentImage.find(name);
      if (reparenting.ok) {
        const { printReparenting } = await import('./reparent-events.js');
        return await printReparenting(reparenting.value, given.json === true, program, terminal);
      }
      await printError(terminal, job.error);
      return EXIT.failed;
    }
    const { jobId } = job.value;
    if (given.json === true) {
      const { printEventsAsJson } = await import('./print-events.js');
      await printEventsAsJson(jobId, 0, program, terminal);
      return EXIT.done;
    }
    const { store, codec } = program.ports;
    let count = 0;
    for await (const event of store.read(jobStreamName(jobId))) {
      const when = new Date(event.occurredAt).toISOString();
      await terminal.out.line(
        `${String(event.revision).padStart(5)}  ${when}  ${eventLine(codec.decodeJobEvent(event))}`,
      );
      count += 1;
    }
    await terminal.out.line(counted(count, 'event'));
    return EXIT.done;
  });
