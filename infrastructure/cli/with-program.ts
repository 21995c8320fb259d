import { failureOf } from '#application/merge/failures';
import { EventStoreFault } from '#application/ports/event-store';
import type { MergeError } from '#domain/merge-error';
import type { ImageProgram, Program } from '../container/compose.js';
import type { ExitCode } from './exit-codes.js';

export interface ProgramWanted {
  readonly journal?: string | undefined;
  readonly journalMode: 'read-write' | 'read-only';
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
    const failure = fault instanceof EventStoreFault ? failureOf(fault, 'JOB') : null;
    if (failure === null || unavailable === null) throw fault;
    return await unavailable(failure.error);
  }
  try {
    return await use(program);
  } finally {
    await program.close();
  }
};

/** The same for commands that look at images only: no journal, no locks, and half the time to begin. */
export const withImages = async (use: (program: ImageProgram) => Promise<ExitCode>): Promise<ExitCode> => {
  const { composeImages } = await import('../container/compose.js');
  return await use(composeImages());
};
