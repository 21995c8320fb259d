import { EventStoreFault } from '#application/ports/event-store';
import { isFault } from '#application/ports/file-system';
import { SQLITE, isBusy, sqliteCodeOf } from './sqlite-driver.js';

/** Whatever went wrong as the port's fault, what SQLite or the system said kept as `cause`. A fault stays as it is. */
export const faultOf = (what: string, error: unknown): EventStoreFault => {
  if (error instanceof EventStoreFault) return error;
  const said = error instanceof Error ? error.message : String(error);
  return new EventStoreFault(`${what}: ${said}.${adviceFor(error)}`, {
    cause: error,
    kind: isOutOfSpace(error) ? 'out-of-space' : 'failed',
  });
};

const isOutOfSpace = (error: unknown): boolean => sqliteCodeOf(error) === SQLITE.full || isFault(error, 'out-of-space');

const adviceFor = (error: unknown): string => {
  if (isBusy(error)) return ' Another process keeps the journal occupied; try again when that is done.';
  if (isOutOfSpace(error)) return ' Make room on the disk of the journal, then run the same command again.';
  if (sqliteCodeOf(error) === SQLITE.notADatabase) return ' This file is no journal; name another with --journal.';
  return '';
};
