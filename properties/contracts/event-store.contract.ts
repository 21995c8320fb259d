import { describe, expect, test } from 'vitest';
import { APPEND_GUARANTEES } from './event-store.appends.js';
import { FAULT_GUARANTEES } from './event-store.faults.js';
import type { Guarantee, Need } from './event-store.guarantee.js';
import { LIST_GUARANTEES } from './event-store.lists.js';
import { OUTAGE_GUARANTEES } from './event-store.outages.js';
import { READ_GUARANTEES } from './event-store.reads.js';
import { SIZE_GUARANTEES } from './event-store.sizes.js';
import { SUBSCRIPTION_GUARANTEES } from './event-store.subscriptions.js';
import type { Journal } from './journal.js';

/** Every adapter of the event store keeps all of these; those about servers that fail, where there is one. */
export const EVENT_STORE_GUARANTEES: readonly Guarantee[] = [
  ...APPEND_GUARANTEES,
  ...READ_GUARANTEES,
  ...LIST_GUARANTEES,
  ...SUBSCRIPTION_GUARANTEES,
  ...SIZE_GUARANTEES,
  ...FAULT_GUARANTEES,
  ...OUTAGE_GUARANTEES,
];

/** What is kept or lost by the way in which events are appended; the rest of the contract only reads. */
export const GUARANTEES_OF_APPENDING: readonly Guarantee[] = [
  ...APPEND_GUARANTEES,
  ...SIZE_GUARANTEES,
  ...FAULT_GUARANTEES,
];

export const guaranteeTitled = (title: string): Guarantee => {
  const [guarantee, ...others] = EVENT_STORE_GUARANTEES.filter((candidate) => candidate.title === title);
  if (guarantee === undefined || others.length > 0) throw new Error(`Bug: not one guarantee is called "${title}".`);
  return guarantee;
};

/** Runs what the journals made can show: `abilities` are what their servers can be made to do. */
export const eventStoreContract = (
  name: string,
  makeJournal: () => Promise<Journal>,
  abilities: readonly Need[] = [],
  guarantees: readonly Guarantee[] = EVENT_STORE_GUARANTEES,
): void => {
  describe(`the event store contract: ${name}`, () => {
    for (const { title, needs, holds } of guarantees) {
      if (needs !== undefined && !abilities.includes(needs)) continue;
      test(title, async () => {
        const journal = await makeJournal();
        try {
          expect(abilitiesOf(journal)).toEqual(expect.arrayContaining([...abilities]));
          await holds(journal);
        } finally {
          await journal.cleanup();
        }
      });
    }
  });
};

const abilitiesOf = ({ faults }: Journal): Need[] => {
  if (faults === null) return [];
  return faults.duplicateDelivery === undefined ? ['faults'] : ['faults', 'duplicate delivery'];
};
