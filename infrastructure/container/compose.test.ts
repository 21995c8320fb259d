import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../../properties/models/scratch-folder.js';
import { MemoryEventStore } from '../event-store/memory-event-store.js';
import { JournalUrlError } from '../event-store/open-event-store.js';
import { NodeClock } from '../platform/node-clock.js';
import { compose, composeImages } from './compose.js';

describe('the program', () => {
  const scratch = scratchFolder();

  it('has one journal, which is closed with it', async () => {
    const journal = join(scratch(), 'journal.db');
    const program = await compose({ journal, journalMode: 'read-write', door: 'library' });
    expect(await program.listJobs.all()).toEqual([]);
    expect(program.ports.host.door).toBe('library');
    await program.close();
    await expect(program.listJobs.all()).rejects.toThrow(/closed/);
    expect(existsSync(journal)).toBe(true);
  });

  it('makes no journal that is only read', async () => {
    const journal = join(scratch(), 'absent.db');
    const program = await compose({ journal, journalMode: 'read-only', door: 'cli' });
    expect(await program.listJobs.all()).toEqual([]);
    await program.close();
    expect(existsSync(journal)).toBe(false);
  });

  it('takes the ports of a test, and leaves them open', async () => {
    const store = new MemoryEventStore();
    const clock = new NodeClock();
    const program = await compose({
      journal: 'memory:',
      journalMode: 'read-write',
      door: 'cli',
      ports: { store, clock },
    });
    expect([program.ports.store, program.ports.clock]).toEqual([store, clock]);
    await program.close();
    expect(await store.head('merge-x')).toBeNull();
  });

  it('is not there with a journal that cannot be named so', async () => {
    const composing = compose({ journal: 'ftp:x', journalMode: 'read-write', door: 'cli' });
    await expect(composing).rejects.toBeInstanceOf(JournalUrlError);
  });

  it('for images alone needs no journal', async () => {
    const { inspectImage } = composeImages();
    expect(await inspectImage.inspect(join(scratch(), 'none.vhd'))).toMatchObject({
      error: { kind: 'file-not-found' },
    });
  });
});
