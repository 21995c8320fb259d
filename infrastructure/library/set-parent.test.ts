import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RETURN_CODE } from '#domain/return-code';
import { followChain } from '../../properties/models/plain-vhd.js';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
import { smallPair } from '../../properties/product/small-disks.js';
import { ImageManagementService } from './image-management-service.js';

describe('SetParentVirtualHardDisk', () => {
  const scratch = scratchFolder(folderInMemory());

  it('gives a child its parent where that is now, changes nothing when asked again, and answers with the documented codes', async () => {
    const { base, source: child } = smallPair(scratch());
    const parent = join(scratch(), 'moved.vhd');
    renameSync(base, parent);
    const service = await ImageManagementService.open({ journal: 'memory:' });
    const set = async (...asked: Parameters<typeof service.setParentVirtualHardDisk>) => {
      const { returnValue, wasChanged, error } = await service.setParentVirtualHardDisk(...asked);
      return [returnValue, wasChanged, error?.kind ?? null];
    };
    expect(await set(child, parent)).toEqual([RETURN_CODE.completed, true, null]);
    expect(followChain(child).map(({ source }) => source.path)).toEqual([child, parent]);
    expect(await set(child, parent)).toEqual([RETURN_CODE.completed, false, null]);
    expect(await set(child, child, true)).toEqual([RETURN_CODE.invalidState, false, 'chain-cycle']);
    expect(await set('child.vhd', parent)).toEqual([RETURN_CODE.invalidParameter, false, 'invalid-parameter']);
    expect(await set(child, base)).toEqual([RETURN_CODE.fileNotFound, false, 'file-not-found']);
    await service.close();
  });
});
