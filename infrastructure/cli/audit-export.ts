import { basename, dirname, join, resolve } from 'node:path';
import { JournalChanged } from '#application/audit-report/audited-store';
import { trailLines } from '#application/journal/trail';
import { UnreadableEvent } from '#application/ports/event-codec';
import type { OpenFile } from '#application/ports/file-system';
import type { JobAudit } from '#application/use-cases/audit-job';
import { reportOfAudit } from '#application/use-cases/audit-report';
import { refusingFaults } from '#application/use-cases/file-refusal';
import { mergeError, type MergeError } from '#domain/merge-error';
import { err } from '#domain/result';
import { htmlReport, jsonReport } from '../audit-report/report-file.js';
import { LARGEST_REPORT_BYTES } from '../audit-report/report-signature.js';
import type { Program } from '../container/compose.js';
import { createWhole } from '../disk-image/whole-file.js';
import { defaultKeyPath, journalName } from '../event-store/journal-url.js';
import { openSigner } from '../platform/audit-key.js';
import { UsageError } from './exit-codes.js';

export interface ReportExport {
  /** Its journal is read once more, up to the heads that the audit names. */
  readonly program: Pick<Program, 'ports'>;
  readonly audit: JobAudit;
  /** Ends in `.html` or `.json`. Never replaces a file. */
  readonly path: string;
  /** File of the private key that signs the report; the user's own when it is left out, which is made on first use. */
  readonly key?: string | null | undefined;
  /** As given with `--journal`; shown without its secrets. */
  readonly journal?: string | undefined;
}

/** By the name's ending. Throws a `UsageError` when it is another: to be asked before the audit, which may take long. */
export const reportKindOf = (path: string): 'html' | 'json' => {
  const [, kind] = /\.(html|json)$/i.exec(path) ?? [];
  if (kind === undefined)
    throw new UsageError(`--export ${path}: expected a name that ends in .html (to be read) or .json (for programs).`);
  return kind.toLowerCase() === 'html' ? 'html' : 'json';
};

/**
 * Writes the report of an audit, right or not, with the trail of the job in it. Null when the file is there, whole and durable;
 * else why not, and no part of it is left. Throws `AuditKeyError` when there is no key to sign with.
 */
export const exportReport = async (given: ReportExport): Promise<MergeError | null> => {
  const kind = reportKindOf(given.path);
  const { ports } = given.program;
  const signer = await openSigner(given.key ?? defaultKeyPath());
  const journal = journalName(given.journal).toWellFormed();
  const written = await refusingFaults(async () => {
    try {
      const { report, store, streams } = await reportOfAudit(
        given.audit,
        { journal, publicKey: signer.publicKey },
        ports,
      );
      const trail = trailLines(streams, { ...ports, store, signer }, journal);
      const print = kind === 'html' ? htmlReport : jsonReport;
      const pieces = print(report, trail, { digests: ports.digests, signer });
      return await createWhole(ports.files, await placeOf(given), (file) => writeAll(file, pieces));
    } catch (fault) {
      return err(refusalOf(fault, given));
    }
  });
  return written.ok ? null : written.error;
};

const placeOf = async ({ path, program }: ReportExport): Promise<Parameters<typeof createWhole>[1]> => {
  const { files, identifiers } = program.ports;
  const folder = await files.realPath(dirname(resolve(path)));
  return {
    path: join(folder, basename(path)),
    folder,
    unfinishedPath: join(folder, `.chainfold-${identifiers.newGuid()}.part`),
  };
};

const CHUNK_BYTES = 1024 * 1024;

class ReportTooLarge extends Error {}

const writeAll = async (file: OpenFile, pieces: AsyncIterable<string>): Promise<void> => {
  let [position, waiting, waitingBytes] = [0, [] as Buffer[], 0];
  const write = async (): Promise<void> => {
    await file.write(Buffer.concat(waiting), position);
    [position, waiting, waitingBytes] = [position + waitingBytes, [], 0];
  };
  for await (const piece of pieces) {
    const bytes = Buffer.from(piece, 'utf8');
    waiting.push(bytes);
    waitingBytes += bytes.length;
    if (position + waitingBytes > LARGEST_REPORT_BYTES) throw new ReportTooLarge();
    if (waitingBytes >= CHUNK_BYTES) await write();
  }
  await write();
};

/** What went wrong besides files; anything else is thrown on. */
const refusalOf = (fault: unknown, { path, audit: { jobId } }: ReportExport): MergeError => {
  if (fault instanceof ReportTooLarge)
    return mergeError('invalid-parameter', 'the history of this job is too long for a report', {
      path,
      expected: `at most ${String(LARGEST_REPORT_BYTES)} bytes`,
      found: 'more; the file was not made',
      todo: `Export the record alone, which has no limit: chainfold journal export ${jobId}`,
    });
  if (fault instanceof JournalChanged || fault instanceof UnreadableEvent)
    return mergeError('journal-failed', 'the journal is not as it was when it was audited a moment ago', {
      path,
      found: fault.message,
      todo: 'Run the audit again.',
    });
  throw fault;
};
