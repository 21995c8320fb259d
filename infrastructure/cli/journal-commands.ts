import type { Command } from 'commander';
import { collected, withJournal, withJson, withKey, withQuiet, type CliContext } from './output-options.js';
import type { GivenExport } from './journal-export.js';
import type { GivenImport } from './journal-import.js';
import type { GivenMove } from './journal-move.js';

const JOB = 'a job id, or the first characters of it (at least four)';

/** Jobs between journals: as a file, or straight from one to the other. */
export const addJournalCommands = (program: Command, context: CliContext): void => {
  const journal = program
    .command('journal')
    .summary('take jobs from one journal to another, or to a file')
    .description(
      'An unfinished job has one home: the journal in which it is resumed. It is moved, and its old journal then says where it went.\n' +
        'Jobs that have ended are copied: exported to a file and imported from it, with every event as it was recorded.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  chainfold journal export --output jobs.ndjson\n  chainfold journal move 3f2a --to postgres://ops@db/journal',
    );
  addExport(journal, context);
  addImport(journal, context);
  addMove(journal, context);
  for (const command of journal.commands)
    command.showHelpAfterError(`Help: chainfold journal ${command.name()} --help`);
};

const addExport = (journal: Command, { terminal, end }: CliContext): void => {
  withQuiet(
    withJson(
      withKey(withJournal(journal.command('export'))),
      'with --output: one JSON object: file, jobs (ids), streams, events, sha256, publicKey, movedTo',
    ),
  )
    .summary('write jobs to a file')
    .description(
      'Writes every event of the jobs (all jobs of the journal when none is named) as lines of JSON, with the head of each stream and a\n' +
        'signed end. `audit --file` checks such a file without the journal, `journal import` puts it into another one. The journal is\n' +
        'only read, except with --move-to.',
    )
    .argument('[JOB...]', JOB)
    .option('--output <FILE>', 'a new file, which has its name only when it is whole; default: stdout')
    .option(
      '--move-to <URL>',
      'closes the jobs named for the journal that will import the file, when it cannot be seen from here: nobody goes on with them here',
    )
    .addHelpText(
      'after',
      `
Examples:
  chainfold journal export --output jobs.ndjson
  chainfold journal export 3f2a | gzip > job.ndjson.gz
  chainfold journal export 3f2a --move-to sqlite:/vm/journal.db --output job.ndjson`,
    )
    .action(async (jobs: readonly string[], given: GivenExport) => {
      const { exportJobs } = await import('./journal-export.js');
      end(await exportJobs(jobs, given, terminal));
    });
};

const addImport = (journal: Command, { terminal, end }: CliContext): void => {
  withQuiet(
    withJson(
      withJournal(journal.command('import')),
      'one JSON object: file, journal, madeAt, madeBy, madeIn, publicKey, fingerprint, jobs (jobId, phase, unfinished, eventsAdded)',
    ),
  )
    .summary('put the jobs of a file into a journal')
    .description(
      'Checks the whole file first: every line, hash and signature, and that each job could have happened. Then adds what the journal\n' +
        'does not have. Importing again adds nothing twice, and goes on where an import was cut short. A job that is not finished is\n' +
        'taken only when it was moved to this journal.',
    )
    .argument('<FILE>', 'a file of `journal export`')
    .option(
      '--key <FILE>',
      'the key that the file must be signed by: a PEM file, public or private; default: whichever it is, and it is named',
    )
    .option(
      '--moved-to <URL>',
      'what this journal was called when the jobs were moved to it, if not as in --journal; may be repeated',
      collected,
    )
    .option(
      '--unfinished',
      'the old journal is lost for good: take unfinished jobs that it never gave up. If it still lives, or comes back from a copy, `resume --all` ' +
        'there would one day merge old data into a disk that has been in use since',
    )
    .addHelpText(
      'after',
      `
Examples:
  chainfold journal import jobs.ndjson --journal postgres://ops@db/journal
  chainfold journal import job.ndjson --key operator.pem
  chainfold journal import saved.ndjson --unfinished

Exit codes: 0 every job of the file is in the journal, 1 failed, 2 wrong usage, 3 refused and nothing written.`,
    )
    .action(async (file: string, given: GivenImport) => {
      const { importJobs } = await import('./journal-import.js');
      end(await importJobs(file, given, terminal));
    });
};

const addMove = (journal: Command, { terminal, end }: CliContext): void => {
  withQuiet(withJson(withKey(withJournal(journal.command('move'))), 'one JSON object: jobId, to, phase, eventsAdded'))
    .summary('move an unfinished job to another journal')
    .description(
      'Closes the job in its journal, then copies its events to the other one, where `resume` goes on with it. A running job is refused.\n' +
        'After an interruption the same command again finishes the move.',
    )
    .argument('<JOB>', JOB)
    .requiredOption('--to <URL>', 'the other journal, as --journal names one')
    .addHelpText(
      'after',
      `
Examples:
  chainfold journal move 3f2a --to postgres://ops@db/journal
  chainfold journal move 3f2a --journal old.db --to new.db && chainfold resume 3f2a --journal new.db`,
    )
    .action(async (job: string, given: GivenMove) => {
      const { moveJob } = await import('./journal-move.js');
      end(await moveJob(job, given, terminal));
    });
};
