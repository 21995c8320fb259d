import { mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../../properties/models/scratch-folder.js';
import { loopDevices, type LoopWorld } from './loop-devices.js';
import { mountOf } from './mount-table.js';

const scratch = scratchFolder();

/** A /sys with one loop device, which has a partition, over which lies a mapped device. */
const worldOver = (backing: string, given: Partial<LoopWorld> = {}): LoopWorld => {
  const sys = mkdtempSync(join(scratch(), 'sys-'));
  const files = {
    'block/loop3/loop/backing_file': `${backing}\n`,
    'block/loop3/ro': '1\n',
    'block/loop3/dev': '7:3\n',
    'block/loop3/loop3p1/dev': '259:1\n',
    'block/loop3/loop3p1/holders/dm-0': '',
    'block/dm-0/dev': '253:0\n',
    'block/dm-0/dm/name': 'vg-root\n',
    'block/loop4/ro': '0\n',
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(sys, name)), { recursive: true });
    writeFileSync(join(sys, name), text);
  }
  const mounts = [
    '36 35 253:0 / /mnt/a\\040place rw - ext4 /dev/mapper/vg-root rw',
    '37 35 8:1 / / rw - ext4 /dev/sda1 rw',
  ];
  return {
    sys,
    mounts: () => mounts.map(mountOf).filter((mount) => mount !== null),
    ask: async () => () => null,
    ...given,
  };
};

describe('loop devices', () => {
  it('are told with what lies over them and their partitions, and where that is mounted', async () => {
    const file = join(scratch(), 'disk');
    writeFileSync(file, '');
    const { dev, ino } = statSync(file, { bigint: true });
    expect(await loopDevices(worldOver(file))).toEqual([
      {
        device: '/dev/loop3',
        file: { dev: dev.toString(), ino: ino.toString() },
        readOnly: true,
        under: ['dm-0 (vg-root)'],
        mountedAt: ['/mnt/a place'],
      },
    ]);
  });

  it('go by what the driver says before they go by a path', async () => {
    const ask = async () => () => ({ dev: '5', ino: '6', readOnly: false });
    expect(await loopDevices(worldOver('/', { ask }))).toMatchObject([
      { file: { dev: '5', ino: '6' }, readOnly: false },
    ]);
  });

  it('over a file that cannot be told have none', async () => {
    expect(await loopDevices(worldOver('/no/such/file (deleted)'))).toMatchObject([{ file: null }]);
  });
});
