import type { MergeError } from '#domain/merge-error';

/** What the shell is told. The WMI codes have 16 bits, of which POSIX keeps 8, and `32768 & 255` would be success. */
export const EXIT = {
  done: 0,
  /** A job in Exception; what was looked at is not right; a bug. */
  failed: 1,
  usage: 2,
  /** The answer was no; nothing was written. */
  refused: 3,
  /** Suspended or terminated. */
  stopped: 4,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A refusal for which the world is to blame, and not what was asked, is a failure. */
export const exitCodeOf = (error: MergeError): ExitCode =>
  error.kind === 'journal-failed' || error.kind === 'io-failed' ? EXIT.failed : EXIT.refused;

/** Wrong words on the command line: says what was expected. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
