import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../../properties/models/scratch-folder.js';
import { describeWithMounts, withExt4, withTmpfs } from '../../properties/infrastructure/space-mounts.js';
import { loadNativeCalls, type NativeCalls } from './native-calls.js';
import { NodeFileSystem } from './node-file-system.js';

const MIB = 1024 * 1024;
const files = new NodeFileSystem();
const scratch = scratchFolder();

/** The calls of this host, with an allocation that answers with this errno. */
const answering = async (errno: number): Promise<NodeFileSystem> => {
  const { calls } = await loadNativeCalls();
  const failing: NativeCalls | null =
    calls === null ? null : { ...calls, allocateKeepingSize: () => Promise.resolve(errno) };
  return new NodeFileSystem({ native: () => Promise.resolve(failing) });
};

const fresh = (name: string): string => {
  const path = join(scratch(), name);
  fs.writeFileSync(path, Buffer.alloc(8192, 1));
  return path;
};

describe('space of a file', () => {
  it.runIf(process.platform === 'linux').each([
    ['EOPNOTSUPP', 95, 'unsupported'],
    ['ENOSYS', 38, 'unsupported'],
  ])('%s is a file system that cannot set it aside', async (_name, errno, answer) => {
    const file = await (await answering(errno)).open(fresh('unsupported'), 'read-write');
    expect(await file.space.reserve(8192, MIB)).toBe(answer);
    await file.close();
  });

  it.runIf(process.platform === 'linux').each([
    ['EDQUOT', 122, 'out-of-space'],
    ['ENOSPC', 28, 'out-of-space'],
    ['EIO', 5, 'io'],
  ])('%s is a fault', async (_name, errno, code) => {
    const file = await (await answering(errno)).open(fresh('fault'), 'read-write');
    await expect(file.space.reserve(8192, MIB)).rejects.toMatchObject({ name: 'FileSystemFault', code });
    await file.close();
  });

  it('cannot be set aside, nor its holes be told, without the native calls', async () => {
    const without = new NodeFileSystem({ native: () => Promise.resolve(null) });
    const file = await without.open(fresh('without'), 'read-write');
    expect(await file.space.reserve(8192, MIB)).toBe('unsupported');
    expect(await file.space.stretchAt(0)).toBeNull();
    await file.close();
  });
});

describeWithMounts('space of a file on a real file system', () => {
  it.each([
    ['tmpfs', withTmpfs],
    ['ext4', withExt4],
  ] as const)('%s: is set aside behind the end, changes neither size nor bytes, and comes back', (_name, withMount) =>
    withMount(24 * MIB, async (folder) => {
      const path = join(folder, 'disk');
      fs.writeFileSync(path, Buffer.alloc(8192, 1));
      const file = await files.open(path, 'read-write');
      await file.flush();
      const before = await file.space.allocatedBytes();
      expect(await file.space.reserve(8192, MIB)).toBe('reserved');
      expect(fs.statSync(path).size).toBe(8192);
      expect(fs.readFileSync(path).equals(Buffer.alloc(8192, 1))).toBe(true);
      expect(await file.space.allocatedBytes()).toBe(before! + MIB);
      await file.space.giveBack();
      expect(await file.space.allocatedBytes()).toBe(before);
      await expect(file.space.reserve(8192, 64 * MIB)).rejects.toMatchObject({ code: 'out-of-space' });
      await file.space.giveBack();
      // ext4 may keep a block for the map of what were many pieces.
      expect(await file.space.allocatedBytes()).toBeLessThanOrEqual(before! + 4096);
      await file.close();
    }),
  );

  it('tells data from holes', () =>
    withTmpfs(4 * MIB, async (folder) => {
      const path = join(folder, 'sparse');
      fs.writeFileSync(path, '');
      fs.truncateSync(path, MIB);
      execFileSync('dd', ['if=/dev/zero', `of=${path}`, 'bs=4096', 'seek=4', 'count=2', 'conv=notrunc', 'status=none']);
      const file = await files.open(path, 'read');
      expect(await file.space.stretchAt(0)).toEqual({ kind: 'hole', endBytes: 16_384 });
      expect(await file.space.stretchAt(20_000)).toEqual({ kind: 'data', endBytes: 24_576 });
      expect(await file.space.stretchAt(24_576)).toEqual({ kind: 'hole', endBytes: MIB });
      expect(await file.space.stretchAt(MIB)).toBeNull();
      await file.close();
    }));
});
