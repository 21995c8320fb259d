import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../../properties/models/scratch-folder.js';
import { swapFiles } from './swap-files.js';

const scratch = scratchFolder();

describe('swap files', () => {
  it('are those of the kernel table, with blanks in their names; partitions and what is gone are none', async () => {
    const path = join(scratch(), 'swap file');
    writeFileSync(path, '');
    const { dev, ino } = statSync(path, { bigint: true });
    const table = [
      'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority',
      '/dev/sda2                               partition\t8388604\t\t0\t\t-2',
      `${path.replace(' ', '\\040')}                            file\t\t1020\t\t0\t\t-3`,
      '/no/such/swap\\040(deleted)              file\t\t1020\t\t0\t\t-4',
    ].join('\n');
    expect(await swapFiles(table)).toEqual([{ dev: dev.toString(), ino: ino.toString() }]);
  });
});
