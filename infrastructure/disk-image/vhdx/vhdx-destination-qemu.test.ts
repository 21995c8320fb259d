/** qemu-img over disks without a parent that were merged into and have grown, on a real file system. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GIB } from '#domain/quantities';
import { openVhdxChain, vhdxGuestSha256, writePlainVhdx } from '../../../properties/models/plain-vhdx.js';
import { scratchFolder } from '../../../properties/models/scratch-folder.js';
import { describeWithQemu, qemuInfo, qemuRawSha256 } from '../../../properties/qemu.js';
import {
  before,
  data,
  merge,
  MIB,
  tinyVhdx,
  toWrite,
  zeros,
} from '../../../properties/simulation/tiny-vhdx-destination.js';
import { guids } from '../../../properties/simulation/vhdx-sessions.js';
import { valueOf } from '../../../properties/simulation/window-merge.js';
import { NodeFileSystem } from '../../file-system/node-file-system.js';
import { VhdxImages } from './vhdx-images.js';

describeWithQemu('QEMU', () => {
  const folder = scratchFolder();

  test.each([
    ['dynamic', 8.5 * MIB],
    ['fixed', 8.5 * MIB],
    // The table moves.
    ['dynamic', 129 * GIB],
  ] as const)(
    'finds a %s disk sound that has grown to %i bytes and was merged into, and reads what we read',
    async (type, sizeBytes) => {
      const path = join(folder(), `${type}-${sizeBytes}.vhdx`);
      const content = (block: number) => ({ state: 6, content: before(block, [1, 30, 600]) }) as const;
      const payload = new Map([0, 1, 2].map((block) => [block, content(block)]));
      writePlainVhdx(path, tinyVhdx(type, payload, { slackMib: 2, leftovers: 'stale' }));
      const newGuid = guids();
      const into = valueOf(await new VhdxImages(new NodeFileSystem(), 'posix', newGuid).openDestination(path));
      await into.prepare(newGuid());
      await into.growTo(sizeBytes);
      await merge(into, [
        toWrite(into, 0, [data(0), zeros(30)]),
        toWrite(into, 1, [zeros(0, 2048)]),
        toWrite(into, 3, [data(5), zeros(8, 3), data(900)]),
        toWrite(into, 7, [data(77)]),
      ]);
      await into.rest();
      await into.close();
      expect(execFileSync('qemu-img', ['check', '-f', 'vhdx', path], { encoding: 'utf8' })).toContain('No errors');
      expect(qemuInfo(path).virtualSizeBytes).toBe(sizeBytes);
      if (sizeBytes < GIB) expect(await qemuRawSha256(path)).toBe(vhdxGuestSha256(openVhdxChain([path])));
    },
  );
});
