import type { Journal, JournalFaults } from './journal.js';

/** What a guarantee needs that not every journal has. */
export type Need = 'faults' | 'duplicate delivery';

export interface Guarantee {
  readonly title: string;
  /** It runs only on a journal that has this. */
  readonly needs?: Need;
  readonly holds: (journal: Journal) => Promise<void>;
}

/** A guarantee about a server that fails. */
export const underFaults = (
  title: string,
  holds: (journal: Journal, faults: JournalFaults) => Promise<void>,
): Guarantee => ({
  title,
  needs: 'faults',
  holds: async (journal) => {
    if (journal.faults === null) throw new Error(`Bug: "${title}" was asked of a journal without a server.`);
    await holds(journal, journal.faults);
  },
});
