import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KurrentDbEventStore } from '#infrastructure/event-store/kurrentdb/kurrentdb-event-store';
import { MemoryEventStore, MemoryJournal } from '#infrastructure/event-store/memory-event-store';
import { openEventStore } from '#infrastructure/event-store/open-event-store';
import { PostgresEventStore } from '#infrastructure/event-store/postgres/postgres-event-store';
import { journalOf } from '../contracts/event-store.wiring.js';
import type { Journal, JournalFaults } from '../contracts/journal.js';
import type { KurrentProtocolServer } from '../kurrentdb-server/kurrent-protocol-server.js';

/** Makers of journals for the contract: each call makes one that nobody else has. */
export type MakeJournal = () => Promise<Journal>;

export const inMemory: MakeJournal = async () => {
  const journal = new MemoryJournal();
  return journalOf({ make: async () => new MemoryEventStore(journal) });
};

export const inSqlite: MakeJournal = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'chainfold-journal-'));
  return journalOf({
    make: () => openEventStore(`sqlite:${join(folder, 'state', 'journal.db')}`, { mode: 'read-write' }),
    forget: () => rmSync(folder, { recursive: true }),
  });
};

/** All in one database; they differ by the names of their streams. */
export const inPostgres =
  (url: string, faults: JournalFaults | null = null): MakeJournal =>
  async () =>
    journalOf({
      make: (options) => PostgresEventStore.open({ url, mode: 'read-write', ...options }),
      prefix: newPrefix(),
      faults,
    });

export const onProtocolServer =
  (server: KurrentProtocolServer): MakeJournal =>
  async () =>
    journalOf({
      make: (options) => KurrentDbEventStore.open({ url: server.url, mode: 'read-write', ...options }),
      prefix: newPrefix(),
      faults: server.faults,
    });

/** On a server of somebody else: its streams are left as they are, and ours stay behind, with names that nobody else has. */
export const onRealKurrentDb =
  (url: string): MakeJournal =>
  async () =>
    journalOf({
      make: (options) => KurrentDbEventStore.open({ url, mode: 'read-write', ...options }),
      prefix: `chainfold.test.${newPrefix()}`,
    });

const newPrefix = (): string => `${randomUUID().slice(0, 8)}.`;
