import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { AuditOptions, JobAudit } from '#application/use-cases/audit-job';
import { fileExists, refusingFaults } from '#application/use-cases/file-refusal';
import type { MergeError } from '#domain/merge-error';
import { err, ok } from '#domain/result';
import type { Program } from '../container/compose.js';
import { NodeFileSystem } from '../file-system/node-file-system.js';
import { expectedKeys, signingKeyAmong, trustedKeys } from './audit-keys.js';
import { auditText, auditValue, trailText, trailValue, type AuditTelling } from './audit-text.js';
import { shellWord } from './ending-text.js';
import { printError } from './error-text.js';
import { EXIT, UsageError, type ExitCode } from './exit-codes.js';
import { headIn, knownHeads } from './known-heads.js';
import {
  collected,
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
  readonly key?: readonly string[];
  readonly head?: string;
  readonly export?: string;
  readonly file?: string;
}

export const addAuditCommand = (program: Command, { terminal, end }: CliContext): void => {
  withQuiet(
    withJson(
      withJournal(program.command('audit')),
      'one JSON object: jobId, right, streams (stream, events, head, problem), signature (state, publicKeys, fingerprints, lastSignedRevision, unsignedEnds, problem), knownHead (revision, hash, holds, problem) or null, data (destination, blocks, bytes, differing, unreadable, changedSince) or null; with --file: file, kind, right, problem, end, jobs',
    ),
  )
    .summary('prove that the record of a job is whole')
    .description(
      'Checks the hash chain of the job’s stream and of its control stream, that every event is one that the job could have had\n' +
        'there, the signatures, and what the store keeps beside the events. Names the first bad revision. Exit code 1 when anything\n' +
        'is not right. The head that it prints, kept elsewhere and given to --head, tells later that nothing was cut off or rewritten.',
    )
    .argument('[JOB]', 'a job id, or the first characters of it (at least four); with --file all jobs of the file')
    .option('--data', 'read the destination, and compare each merged block with its recorded digest')
    .option(
      '--key <FILE>',
      'the key that the record must be signed by: a PEM file, public or private; may be repeated; without it keys are only named',
      collected,
    )
    .option('--head <HEAD>', 'a head that was kept elsewhere: REVISION:HASH, or a file of an earlier export')
    .option('--export <FILE>', 'write the report of the audit, with the whole record in it: FILE.html or FILE.json')
    .option('--file <FILE>', 'audit a file without its journal: one of `journal export` or of `audit --export`')
    .addHelpText(
      'after',
      '\nExamples:\n  chainfold audit 3f2a\n  chainfold audit 3f2a --data --json\n  chainfold audit 3f2a --export report.html\n  chainfold audit --file report.html --key operator.pem',
    )
    .action(async (job: string | undefined, given: GivenAudit) => end(await audit(job, given, terminal)));
};

const audit = async (job: string | undefined, given: GivenAudit, terminal: Terminal): Promise<ExitCode> => {
  const isHeadOfOneJob = given.head !== undefined && headIn(given.head) !== null;
  if (isHeadOfOneJob && job === undefined)
    throw new UsageError('--head REVISION:HASH is the head of one job: expected JOB.');
  if (given.file !== undefined) return await auditFile(given.file, job, given, terminal);
  if (job === undefined) throw new UsageError('expected JOB, or --file FILE.');
  return await auditJournal(job, given, terminal);
};

const auditJournal = async (job: string, given: GivenAudit, terminal: Terminal): Promise<ExitCode> => {
  const refused = await noPlaceFor(given.export);
  if (refused !== null) {
    await printError(terminal, refused);
    return EXIT.failed;
  }
  return await withProgram({ journal: given.journal, journalMode: 'read-only' }, async (program) => {
    const expected = await expectedOf(given, program, terminal);
    if (expected === null) return EXIT.failed;
    const audited = await program.auditJob.audit(job, expected.options);
    if (!audited.ok) {
      await printError(terminal, audited.error);
      return EXIT.failed;
    }
    const { value } = audited;
    if (value.streams[0]?.stream === program.reparentImage.streamOf(value.jobId)) assertOfMerge(given, value.jobId);
    if (given.json === true) await terminal.out.line(printableJson(auditValue(value, program.ports.digests)));
    else for (const line of auditText(value, expected.telling)) await terminal.out.line(line);
    const isKnown = await assertKnown([value], given, terminal);
    const isExported =
      given.export === undefined || (await isReportWritten(given.export, value, given, program, terminal));
    return value.isRight && isKnown && isExported ? EXIT.done : EXIT.failed;
  });
};

/** A re-parenting has merged nothing: there are no data to compare, and a report would have no merge to tell of. */
const assertOfMerge = ({ data, export: report }: GivenAudit, reparentId: string): void => {
  if (data === undefined && report === undefined) return;
  throw new UsageError(`--data and --export are for merges: expected a job, found the re-parenting ${reparentId}.`);
};

const auditFile = async (
  file: string,
  job: string | undefined,
  given: GivenAudit,
  terminal: Terminal,
): Promise<ExitCode> => {
  if (given.export !== undefined)
    throw new UsageError('--export goes with a journal, not with --file: that is an export already.');
  if (given.journal !== undefined) throw new UsageError('expected --journal or --file, found both.');
  const { openTrail } = await import('../trail/open-trail.js');
  const path = resolve(file);
  return await withProgram({ journal: 'memory:', journalMode: 'read-only' }, async (program) => {
    const expected = await expectedOf(given, program, terminal);
    if (expected === null) return EXIT.failed;
    const { kind, lines, problem } = await openTrail(path);
    const trail = await program.auditJob.auditTrail(() => lines, { ...expected.options, job: job ?? null });
    const audited = problem === null ? trail : { ...trail, problem, isRight: false };
    const shown = { path, kind };
    if (given.json === true) await terminal.out.line(printableJson(trailValue(audited, shown, program.ports.digests)));
    else for (const line of trailText(audited, shown, expected.telling)) await terminal.out.line(line);
    const isKnown = await assertKnown(trail.jobs, given, terminal);
    return audited.isRight && isKnown ? EXIT.done : EXIT.failed;
  });
};

/** What the audit goes by, from the options; null when it cannot be had, which was said. */
const expectedOf = async (
  given: GivenAudit,
  { ports }: Program,
  terminal: Terminal,
): Promise<{ readonly options: AuditOptions; readonly telling: AuditTelling } | null> => {
  const trusted = trustedKeys(given.key);
  const known = given.head === undefined ? null : await knownHeads(given.head, ports);
  if (known !== null && known.problem !== null) {
    await terminal.err.line(`chainfold: --head ${printable(known.problem)}.`);
    return null;
  }
  return {
    options: {
      withData: given.data === true,
      trustedKeys: expectedKeys(trusted),
      mustBeSigned: trusted.from === 'given',
      ...(known === null ? {} : { knownHead: known.headOf }),
    },
    telling: { trusted, digests: ports.digests, quiet: given.quiet === true },
  };
};

/** A file of heads that has none of this job proves nothing about it. */
const assertKnown = async (jobs: readonly JobAudit[], { head }: GivenAudit, { err }: Terminal): Promise<boolean> => {
  if (head === undefined) return true;
  const unknown = jobs.filter(({ knownHead }) => knownHead === null);
  for (const { jobId } of unknown)
    await err.line(`chainfold: --head ${printable(head)} has no head of job ${printable(jobId)}.`);
  return unknown.length === 0;
};

/** Asked before the audit: it may take hours, and a misspelt name should not. Null when nothing stands against the report. */
const noPlaceFor = async (path: string | undefined): Promise<MergeError | null> => {
  if (path === undefined) return null;
  const { reportKindOf } = await import('./audit-export.js');
  reportKindOf(path);
  const files = new NodeFileSystem();
  const free = await refusingFaults(async () => {
    const folder = await files.realPath(dirname(resolve(path)));
    return (await files.stat(join(folder, basename(path)))) === null ? ok(null) : err(fileExists(resolve(path)));
  });
  return free.ok ? null : free.error;
};

const isReportWritten = async (
  path: string,
  audit: JobAudit,
  given: GivenAudit,
  program: Program,
  terminal: Terminal,
): Promise<boolean> => {
  const { exportReport } = await import('./audit-export.js');
  const { journal, key } = given;
  const refused = await exportReport({ program, audit, path: resolve(path), key: signingKeyAmong(key), journal });
  if (refused !== null) await printError(terminal, refused);
  else if (given.json !== true && given.quiet !== true)
    await terminal.out.line(`Report: ${printable(path)}; to check it: ${printable(checkOf(path, audit, key))}`);
  return refused === null;
};

/** By the same keys, so that it says the same. Of a record that nobody signed yet the report is by whoever made it. */
const checkOf = (path: string, { signature }: JobAudit, keys: readonly string[] = []): string => {
  const expected = signature.lastSignedRevision === null ? [] : keys;
  return [`chainfold audit --file ${shellWord(path)}`, ...expected.map((key) => `--key ${shellWord(key)}`)].join(' ');
};
