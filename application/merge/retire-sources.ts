import type { FileIdentity } from '#domain/chain/image-description';
import type { ImageRecord, SourceRetired } from '#domain/merge-job/events';
import { mergeError, type MergeError } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
import { quarantineName } from './quarantine.js';
import type { JobStream } from '../jobs/job-stream.js';
import { folderOf } from '../chain/paths.js';
import { isFault, type FileStat, type FileSystem } from '../ports/file-system.js';

/**
 * Takes the merged images out of the way: renamed (`quarantine`) or unlinked (`delete`). The destination's direct child goes
 * first and the source last: what a crash leaves over has lost its parent and can be neither opened nor merged, while the other
 * order would leave disks that open and show old data. Each file has its intention in the journal before and its deed after it,
 * and goes only if it still is the file that was accepted. A file that is gone is done.
 */
export const retireSources = async (
  sources: readonly ImageRecord[],
  action: 'quarantine' | 'delete',
  { job, merged }: { readonly job: JobStream; readonly merged: (path: string) => FileIdentity | null },
  files: FileSystem,
): Promise<Result<'done', MergeError>> => {
  for (const image of [...sources].reverse()) {
    const recorded = recordedStep(job, image.path);
    if (recorded?.step === 'done') continue;
    const target = action === 'quarantine' ? quarantineName(image.path, job.jobId) : null;
    const step = { action, path: image.path, target, file: image.file };
    if (recorded === null) await job.record({ type: 'RecordRetirement', step: { step: 'intended', ...step } });
    const gone = await takeAway({ ...image, file: merged(image.path) ?? image.file }, target, files);
    if (!gone.ok) return gone;
    await job.record({ type: 'RecordRetirement', step: { step: 'done', ...step } });
  }
  return ok('done');
};

const recordedStep = (job: JobStream, path: string): SourceRetired | null =>
  job.state.phase === 'verified' ? (job.state.retired.find((step) => step.path === path) ?? null) : null;

const takeAway = async (
  image: ImageRecord,
  target: string | null,
  files: FileSystem,
): Promise<Result<'gone', MergeError>> => {
  const there = await files.stat(image.path);
  if (there !== null) {
    if (!isStillThe(image, there)) return err(replaced(image, there));
    if (target !== null) {
      const named = await giveName(image.path, target, there, files);
      if (!named.ok) return named;
    }
    await files.unlink(image.path);
  }
  await files.flushFolder(folderOf(image.path));
  return ok('gone');
};

/** `link` never replaces a file. That the name is there already for this very file is what a crash between link and unlink leaves. */
const giveName = async (
  path: string,
  target: string,
  file: FileStat,
  files: FileSystem,
): Promise<Result<'named', MergeError>> => {
  try {
    await files.link(path, target);
  } catch (fault) {
    if (!isFault(fault, 'exists')) throw fault;
    const other = await files.stat(target);
    if (other?.ino !== file.ino || other.dev !== file.dev) return err(nameTaken(path, target));
  }
  await files.flushFolder(folderOf(path));
  return ok('named');
};

const isStillThe = ({ file }: ImageRecord, there: FileStat): boolean =>
  there.kind === 'file' &&
  there.sizeBytes === file.sizeBytes &&
  there.mtimeNs === file.mtimeNs &&
  there.ino === file.ino;

const replaced = (image: ImageRecord, there: FileStat): MergeError =>
  mergeError('image-changed', 'this file is not the one that was merged, so it is not removed', {
    path: image.path,
    expected: `inode ${image.file.ino}, ${String(image.file.sizeBytes)} bytes, modified at ${image.file.mtimeNs} ns`,
    found: `inode ${there.ino}, ${String(there.sizeBytes)} bytes, modified at ${there.mtimeNs} ns`,
    todo: 'The merge itself is complete and verified. Look at this file, move it away by hand, and run `chainfold resume` again; or end the job with `chainfold terminate`.',
  });

const nameTaken = (path: string, target: string): MergeError =>
  mergeError('image-changed', 'the quarantine name is taken by another file', {
    path,
    expected: `no file at ${target}`,
    found: 'one',
    todo: 'Move that file away and run `chainfold resume` again.',
  });
