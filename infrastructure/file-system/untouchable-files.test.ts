import { linkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../../properties/models/scratch-folder.js';
import { NodeFileSystem } from './node-file-system.js';
import { keepHandsOff } from './untouchable-files.js';

describe('a database that another library has open in this process', () => {
  const scratch = scratchFolder();
  const files = new NodeFileSystem();
  const opened = async (path: string): Promise<string> => {
    try {
      await (await files.open(path, 'read')).close();
      return 'opened';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };

  it('is not opened by any name, nor what lies beside it, until it is let go', async () => {
    const database = join(scratch(), 'journal.db');
    const names = [database, `${database}-wal`, `${database}-shm`];
    for (const name of names) writeFileSync(name, '');
    linkSync(database, join(scratch(), 'other name'));
    symlinkSync(scratch(), join(scratch(), 'folder'));
    names.push(join(scratch(), 'other name'));
    expect(await opened(join(scratch(), 'folder', 'journal.db'))).toMatch(/not-a-file/);
    const letGo = keepHandsOff(database);
    for (const name of names) expect(await opened(name)).toMatch(/not-a-file .*it is the journal/);
    letGo();
    for (const name of names) expect(await opened(name)).toBe('opened');
  });

  it('is let go when the last of those who have it open lets go', async () => {
    const database = join(scratch(), 'twice.db');
    writeFileSync(database, '');
    const [first, second] = [keepHandsOff(database), keepHandsOff(database)];
    first();
    first();
    expect(await opened(database)).toMatch(/it is the journal/);
    second();
    expect(await opened(database)).toBe('opened');
  });
});
