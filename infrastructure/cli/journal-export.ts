import { dirname, join, resolve } from 'node:path';
import { parseEnd, type TrailEnd } from '#application/journal/trail-lines';
import { keyFingerprint } from '#application/use-cases/audit-fingerprint';
import { fileExists } from '#application/use-cases/file-refusal';
import { EventStoreFault, type EventStore } from '#application/ports/event-store';
import { isFault } from '#application/ports/file-system';
import type { MergeError } from '#domain/merge-error';
import type { Program } from '../container/compose.js';
import { defaultKeyPath, journalName } from '../event-store/journal-url.js';
import { openEventStore } from '../event-store/open-event-store.js';
import { openSigner } from '../platform/audit-key.js';
import { canonicalPath } from '#application/merge/merge-pair';
import { assertFree, writeTrailFile } from '../trail/trail-file.js';
import { counted } from './bytes-argument.js';
import { printError } from './error-text.js';
import { EXIT, exitCodeOf, UsageError, type ExitCode } from './exit-codes.js';
import { otherJournal } from './journal-names.js';
import type { GivenJournal, GivenKey, GivenOutput } from './output-options.js';
import { printable, printableJson } from './printable.js';
import type { Terminal } from './terminal.js';
import { withProgram } from './with-program.js';

export interface GivenExport extends GivenJournal, GivenKey, GivenOutput {
  readonly output?: string;
  readonly moveTo?: string;
}

export const exportJobs = async (
  names: readonly string[],
  given: GivenExport,
  terminal: Terminal,
): Promise<ExitCode> => {
  if (given.json === true && given.output === undefined)
    throw new UsageError('--json tells about the file of --output; without one, stdout is the file.');
  const movedTo = given.moveTo === undefined ? null : otherJournal(given.moveTo, given.journal, '--move-to');
  if (movedTo !== null && names.length === 0) throw new UsageError('--move-to closes jobs: expected JOB, found none.');
  const journalMode = movedTo === null ? 'read-only' : 'read-write';
  return await withProgram({ journal: given.journal, journalMode, key: given.key }, async (program) => {
    const jobs = await program.exportJournal.jobs(names);
    if (!jobs.ok) return await refused(jobs.error, terminal);
    const path = given.output === undefined ? null : await canonicalPath(resolve(given.output), program.ports.files);
    try {
      // Asked before any job is closed for the file's sake.
      if (path !== null) await assertFree(program.ports.files, path);
      for (const jobId of movedTo === null ? [] : jobs.value) {
        const closed = await closedFor(given.moveTo ?? '', (seen) => program.moveJob.close(jobId, movedTo ?? '', seen));
        if (!closed.ok) return await refused(closed.error, terminal);
      }
      const end = await write(jobs.value, path, given, program, terminal);
      if (movedTo !== null && path === null && terminal.out.isLeft) return await nobodyRead(movedTo, terminal);
      await tell({ path, jobs: jobs.value, movedTo, end }, given, program, terminal);
    } catch (fault) {
      if (path === null || !isFault(fault, 'exists')) throw fault;
      return await refused(fileExists(path), terminal);
    }
    // Somebody who has stopped reading wanted no more; a full disk is a failure.
    return terminal.out.problem === null ? EXIT.done : EXIT.failed;
  });
};

/** Jobs are closed, and their file has gone nowhere. */
const nobodyRead = async (movedTo: string, { err }: Terminal): Promise<ExitCode> => {
  await err.line(
    `chainfold: the jobs are closed for ${printable(movedTo)}, but nobody read their file to its end. Write it again: the same command with --output FILE.`,
  );
  return EXIT.failed;
};

/** The journal that the job goes to, if it can be read from here after all. */
const closedFor = async <T>(url: string, close: (seen: EventStore | null) => Promise<T>): Promise<T> => {
  let seen: EventStore | null = null;
  try {
    seen = await openEventStore(url, { mode: 'read-only' });
  } catch (fault) {
    // The usual case: it is for such journals that a job moves as a file.
    if (!(fault instanceof EventStoreFault)) throw fault;
  }
  try {
    return await close(seen);
  } finally {
    await seen?.close();
  }
};

const write = async (
  jobs: readonly string[],
  path: string | null,
  given: GivenExport,
  { exportJournal, ports: { files, identifiers } }: Program,
  { out }: Terminal,
): Promise<TrailEnd> => {
  const signer = await openSigner(given.key === undefined ? defaultKeyPath() : resolve(given.key));
  const kept: { last: string } = { last: '' };
  const lines = keepingLast(exportJournal.lines(jobs, journalName(given.journal), signer), kept);
  if (path === null) {
    for await (const line of lines) await out.line(line);
    await out.flushed();
  } else {
    const unfinishedPath = join(dirname(path), `.chainfold-${identifiers.newGuid()}.part`);
    await writeTrailFile(files, { path, unfinishedPath }, lines);
  }
  const end = parseEnd(kept.last);
  if (end === null) throw new Error('Bug: a trail was written without its end');
  return end;
};

async function* keepingLast(lines: AsyncIterable<string>, kept: { last: string }): AsyncGenerator<string> {
  for await (const line of lines) {
    kept.last = line;
    yield line;
  }
}

interface Exported {
  readonly path: string | null;
  readonly jobs: readonly string[];
  readonly movedTo: string | null;
  readonly end: TrailEnd;
}

/** Beside a trail on stdout, on stderr. */
const tell = async (
  { path, jobs, movedTo, end }: Exported,
  given: GivenExport,
  { ports: { digests } }: Program,
  { out, err }: Terminal,
): Promise<void> => {
  const { streams, events, sha256, signature } = end;
  if (given.json === true) {
    const value = { file: path, jobs, streams, events, sha256, publicKey: signature.publicKey, movedTo };
    await out.line(printableJson(value));
    return;
  }
  if (given.quiet === true) return;
  const where = path === null ? 'Written to stdout' : `Written to ${printable(path)}`;
  const signed = `signed by key ${keyFingerprint(signature.publicKey, digests)}`;
  const stream = path === null ? err : out;
  await stream.line(`${where}: ${counted(jobs.length, 'job')}, ${counted(events, 'event')}, ${signed}.`);
  if (movedTo !== null)
    await stream.line(`Closed here. To go on: chainfold journal import FILE --journal ${printable(movedTo)}`);
};

const refused = async (error: MergeError, terminal: Terminal): Promise<ExitCode> => {
  await printError(terminal, error);
  return exitCodeOf(error);
};
