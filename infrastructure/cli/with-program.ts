import { failureOf } from '#application/merge/failures';
import { EventStoreFault } from '#application/ports/event-store';
import { mergeError, type MergeError } from '#domain/merge-error';
import type { ImageProgram, Program } from '../container/compose.js';
import { AuditKeyError } from '../platform/audit-key.js';
import type { ExitCode } from './exit-codes.js';

export interface ProgramWanted {
  readonly journal?: string | undefined;
  readonly journalMode: 'read-write' | 'read-only';
  readonly key?: string | undefined;
  readonly journalWaitMs?: number | null;
}

/**
 * Puts the program together, lets a command use it, and takes it apart again. The container and all that it needs are loaded here
 * and not before: help, version and wrong usage answer without them. `unavailable` is for commands that answer with a result
 * also when the journal cannot be had.
 */
export const withProgram = async (
  wanted: ProgramWanted,
  use: (program: Program) => Promise<ExitCode>,
  unavailable: ((error: MergeError) => Promise<ExitCode>) | null = null,
): Promise<ExitCode> => {
  const { compose } = await import('../container/compose.js');
  let program: Program;
  try {
    program = await compose({ ...wanted, door: 'cli' });
  } catch (fault) {
    const error = errorOf(fault);
    if (error === null || unavailable === null) throw fault;
    return await unavailable(error);
  }
  try {
    return await use(program);
  } finally {
    await program.close();
  }
};

/** Without its journal, or without the key that signs what goes into it, nothing is begun. */
const errorOf = (fault: unknown): MergeError | null => {
  if (fault instanceof EventStoreFault) return failureOf(fault, 'JOB')?.error ?? null;
  if (!(fault instanceof AuditKeyError)) return null;
  return mergeError('journal-failed', 'the record of the merge could not be signed', {
    found: fault.message,
    todo: 'Nothing was touched.',
  });
};

/** The same for commands that look at images only: no journal, no locks, and half the time to begin. */
export const withImages = async (use: (program: ImageProgram) => Promise<ExitCode>): Promise<ExitCode> => {
  const { composeImages } = await import('../container/compose.js');
  return await use(composeImages());
};
