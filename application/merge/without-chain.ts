import { mergeError, type MergeError } from '#domain/merge-error';
import type { FileIdentity } from '#domain/chain/image-description';
import { destinationIdentityOf, type MergeJobState } from '#domain/merge-job/state';
import { err, ok, type Result } from '#domain/result';
import type { FileToLock } from '../ports/image-lock.js';
import { imageInUse, inTheWay, type LockPorts } from './locked-chain.js';
import { fileIdentity } from './run-context.js';

/** Locks for the steps after a verified copy, and the destination as it is now. */
export interface LockedForFinishing {
  readonly paths: ReadonlySet<string>;
  readonly destination: FileIdentity;
  readonly release: () => Promise<void>;
}

/**
 * Once `MergeVerified` is in the stream a run does not need the chain: a source that is gone is done. The destination must be
 * exactly the file that was verified, as children are about to be hung on it.
 */
export const lockForFinishing = async (
  state: MergeJobState,
  ports: LockPorts,
): Promise<Result<LockedForFinishing, MergeError>> => {
  if (state.phase !== 'verified') throw new Error(`Bug: finishing a job in phase ${state.phase}`);
  const { images, children } = state.chain;
  const destination = images.at(-1)!;
  const wanted: FileToLock[] = [
    ...images.slice(0, -1).map(({ path }): FileToLock => ({ path, use: 'read' })),
    { path: destination.path, use: 'write' },
    ...[...children, ...state.reparented].map(({ path }): FileToLock => ({ path, use: 'write' })),
  ];
  const there = await present(wanted, ports);
  const locks = await ports.locks.lockAll(there);
  if (!locks.held) return err(imageInUse(locks, null));
  const inUse = await inTheWay(there, ports);
  if (inUse !== null) {
    await locks.release();
    return err(imageInUse(inUse, null));
  }
  const now = await ports.files.stat(destination.path);
  if (now === null || !same(fileIdentity(now), state.destination.file)) {
    await locks.release();
    return err(usedSinceVerified(destination.path, state.destination.file, now));
  }
  return ok({
    paths: new Set(there.map(({ path }) => path)),
    destination: fileIdentity(now),
    release: () => locks.release(),
  });
};

/**
 * Is a completed job the answer to its own request? Yes when nothing has changed since: the destination, and the source unless
 * this job retired it, are the files that were recorded at the end.
 */
export const answerFromStream = async (state: MergeJobState, ports: LockPorts): Promise<boolean> => {
  if (state.phase !== 'completed') return false;
  const { images } = state.chain;
  const { source, destination } = state.completion;
  if (!(await isStill(images.at(-1)!.path, destinationIdentityOf(state), destination, ports))) return false;
  if (source === null) return (await ports.files.stat(images[0]!.path)) === null;
  return await isStill(images[0]!.path, images[0]!.identity, source, ports);
};

const isStill = async (path: string, identity: string, recorded: FileIdentity, ports: LockPorts): Promise<boolean> => {
  const now = await ports.files.stat(path);
  if (now === null || !same(fileIdentity(now), recorded)) return false;
  return (await ports.images.probe(path))?.identity === identity;
};

/** Device numbers change when a disk is attached again, so they are not compared. */
const same = (a: FileIdentity, b: FileIdentity): boolean =>
  a.ino === b.ino && a.sizeBytes === b.sizeBytes && a.mtimeNs === b.mtimeNs;

const present = async (wanted: readonly FileToLock[], { files }: LockPorts): Promise<FileToLock[]> => {
  const there: FileToLock[] = [];
  for (const file of wanted) {
    const known = there.some((other) => other.path === file.path);
    if (!known && (await files.stat(file.path)) !== null) there.push(file);
  }
  return there;
};

const usedSinceVerified = (path: string, verified: FileIdentity, now: FileIdentity | null): MergeError =>
  mergeError('image-changed', 'the destination was changed after it had been verified', {
    path,
    expected: `${String(verified.sizeBytes)} bytes, inode ${verified.ino}, modified at ${verified.mtimeNs} ns`,
    found: now === null ? 'nothing' : `${String(now.sizeBytes)} bytes, inode ${now.ino}, modified at ${now.mtimeNs} ns`,
    todo: 'The merge itself was complete and verified. What is left (children of the source, retirement) is not done over a changed disk: end the job with `chainfold terminate`, and do these steps by hand.',
  });
