import type { UnfinishedJob } from '#domain/merge-job/state';
import type { LockPorts } from '../merge/locked-chain.js';
import type { FileToLock, HeldLocks, LockConflict } from '../ports/image-lock.js';

/** Locks what is left of a job's files, as its runner does: who holds them knows that no runner is alive on this host. */
export const lockJob = async (
  state: UnfinishedJob,
  { files, locks }: Pick<LockPorts, 'files' | 'locks'>,
): Promise<HeldLocks | LockConflict> => {
  const wanted = new Map<string, FileToLock>();
  for (const file of filesOf(state)) if ((await files.stat(file.path))?.kind === 'file') wanted.set(file.path, file);
  return await locks.lockAll([...wanted.values()]);
};

const filesOf = (state: UnfinishedJob): readonly FileToLock[] => {
  const { source, destination } = state.request;
  if (state.phase === 'requested')
    return [
      { path: source, use: 'read' },
      { path: destination, use: 'write' },
    ];
  const { images, children } = state.chain;
  return [
    ...images.slice(0, -1).map(({ path }): FileToLock => ({ path, use: 'read' })),
    { path: destination, use: 'write' },
    ...children.map(({ path }): FileToLock => ({ path, use: 'write' })),
  ];
};
