import { journalName, parseJournalUrl } from '../event-store/journal-url.js';
import { UsageError } from './exit-codes.js';

/** The name of a journal that outlives this program. Throws `UsageError` for one that does not. */
export const lastingJournal = (url: string | undefined, what: string): string => {
  const name = journalName(url);
  if (parseJournalUrl(name).kind === 'memory')
    throw new UsageError(`${what}: a journal in memory ends with this program, and every job in it.`);
  return name;
};

/** The name of the journal that a job is to move to. Throws `UsageError` when it is the one where it is. */
export const otherJournal = (to: string, from: string | undefined, option: string): string => {
  const name = lastingJournal(to, `${option} memory:`);
  if (name === journalName(from)) throw new UsageError(`${option} ${name}: the job is in this journal already.`);
  return name;
};
