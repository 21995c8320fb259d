import type { EventStore } from '#application/ports/event-store';
import { defaultJournalUrl, parseJournalUrl } from './journal-url.js';

export { JournalUrlError } from './journal-url.js';

/**
 * Opens the journal that a URL names, or the user's own when it is undefined. `read-only` makes nothing and changes nothing: a
 * journal that is not there reads as empty. Throws `JournalUrlError` for a URL that names none and `EventStoreFault`
 * for a journal that cannot be had.
 */
export const openEventStore = async (
  url: string | undefined,
  { mode }: { readonly mode: 'read-write' | 'read-only' },
): Promise<EventStore> => {
  const place = parseJournalUrl(url ?? defaultJournalUrl());
  switch (place.kind) {
    case 'memory':
      return new (await import('./memory-event-store.js')).MemoryEventStore();
    case 'sqlite':
      return (await import('./sqlite-event-store.js')).SqliteEventStore.open({ path: place.path, mode });
    case 'kurrentdb':
      return (await import('./kurrentdb/kurrentdb-event-store.js')).KurrentDbEventStore.open({ url: place.url, mode });
    case 'postgres':
      return (await import('./postgres/postgres-event-store.js')).PostgresEventStore.open({ url: place.url, mode });
  }
};
