import { test as property } from '@fast-check/vitest';
import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { FileSystemFault, FileSystemFaultCode } from '#application/ports/file-system';
import { scratchFolder } from '../../properties/models/scratch-folder.js';
import { type FileCalls, nodeFileCalls } from './file-calls.js';
import { NodeFileSystem } from './node-file-system.js';

const mayMount = process.getuid?.() === 0 && process.platform === 'linux';
const files = new NodeFileSystem();
const folder = scratchFolder();
let number = 0;
const fresh = (): string => join(folder(), `file-${String(number++)}`);
const fault = (code: FileSystemFaultCode): Partial<FileSystemFault> =>
  expect.objectContaining({ name: 'FileSystemFault', code }) as Partial<FileSystemFault>;
const systemError = (code: string, errno = -1): Error => Object.assign(new Error(`${code}: injected`), { code, errno });

describe('what is read is what was written', () => {
  property.prop({
    steps: fc.array(
      fc.oneof(
        fc.record({ write: fc.uint8Array({ minLength: 0, maxLength: 3000 }), at: fc.nat(9000) }),
        fc.record({ truncate: fc.nat(9000) }),
      ),
      { maxLength: 12 },
    ),
    from: fc.nat(10_000),
    length: fc.nat(10_000),
  })('at any positions, in any order, after any truncation', async ({ steps, from, length }) => {
    const path = fresh();
    const file = await files.create(path);
    let model = new Uint8Array(0);
    for (const step of steps) {
      const end = 'write' in step ? step.at + step.write.length : step.truncate;
      const keep = 'write' in step && (step.write.length === 0 || end < model.length) ? model.length : end;
      const next = new Uint8Array(keep);
      next.set(model.subarray(0, keep));
      if ('write' in step && step.write.length > 0) next.set(step.write, step.at);
      model = next;
      await ('write' in step ? file.write(step.write, step.at) : file.truncate(step.truncate));
    }
    await file.flush();
    const into = new Uint8Array(length);
    const read = await file.read(into, from);
    expect(into.subarray(0, read)).toEqual(model.slice(from, from + length));
    expect((await file.stat()).sizeBytes).toBe(model.length);
    await file.close();
    fs.unlinkSync(path);
  });

  it('however few bytes the system moves in one call', async () => {
    const few: FileCalls = {
      ...nodeFileCalls,
      read: (fd, into, offset, length, position) => nodeFileCalls.read(fd, into, offset, Math.min(length, 7), position),
      write: (fd, from, offset, length, position) =>
        nodeFileCalls.write(fd, from, offset, Math.min(length, 5), position),
    };
    const file = await new NodeFileSystem({ calls: few }).create(fresh());
    const bytes = Uint8Array.from({ length: 100 }, (_, index) => index + 1);
    await file.write(bytes, 3);
    const into = new Uint8Array(200);
    expect(await file.read(into, 3)).toBe(100);
    expect(into.subarray(0, 100)).toEqual(bytes);
    await file.close();
  });

  it('beyond 4 GiB', async () => {
    const file = await files.create(fresh());
    const far = 5 * 2 ** 30 + 1;
    await file.write(Uint8Array.of(1, 2, 3), far);
    const into = new Uint8Array(4);
    expect(await file.read(into, far - 1)).toBe(4);
    expect([...into]).toEqual([0, 1, 2, 3]);
    expect((await file.stat()).sizeBytes).toBe(far + 3);
    await file.truncate(0);
    await file.close();
  });

  it('fails a write that the system takes no bytes of, instead of waiting for ever', async () => {
    const file = await new NodeFileSystem({ calls: { ...nodeFileCalls, write: async () => 0 } }).create(fresh());
    await expect(file.write(Uint8Array.of(1), 0)).rejects.toEqual(fault('io'));
    await file.close();
  });
});

describe('flush', () => {
  it('that failed poisons the file: no further write, truncation or flush reaches the system', async () => {
    const asked: string[] = [];
    let failing = true;
    const calls: FileCalls = {
      ...nodeFileCalls,
      write: (...values) => {
        asked.push('write');
        return nodeFileCalls.write(...values);
      },
      truncate: (...values) => {
        asked.push('truncate');
        return nodeFileCalls.truncate(...values);
      },
      dataSync: async (fd) => {
        asked.push('flush');
        if (failing) throw systemError('ENOSPC', -28);
        await nodeFileCalls.dataSync(fd);
      },
    };
    const file = await new NodeFileSystem({ calls }).create(fresh());
    await file.write(Uint8Array.of(1), 0);
    await expect(file.flush()).rejects.toEqual(fault('out-of-space'));
    failing = false;
    asked.length = 0;
    await expect(file.flush()).rejects.toEqual(fault('io'));
    await expect(file.write(Uint8Array.of(2), 0)).rejects.toThrow(/an earlier flush failed/);
    await expect(file.truncate(0)).rejects.toEqual(fault('io'));
    expect(asked).toEqual([]);
    expect(await file.read(new Uint8Array(1), 0)).toBe(1);
    await file.close();
  });

  it('runs alone: those asked for at the same time wait, and fail when one before them failed', async () => {
    let running = 0;
    let most = 0;
    let count = 0;
    const calls: FileCalls = {
      ...nodeFileCalls,
      dataSync: async () => {
        most = Math.max(most, ++running);
        await sleep(5);
        running--;
        if (++count === 2) throw systemError('EIO', -5);
      },
    };
    const file = await new NodeFileSystem({ calls }).create(fresh());
    const outcomes = await Promise.allSettled([file.flush(), file.flush(), file.flush(), file.flush()]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected']);
    expect({ most, count }).toEqual({ most: 1, count: 2 });
    await file.close();
  });
});

describe('close', () => {
  it('waits for what is running, and nothing runs after it', async () => {
    const order: string[] = [];
    const calls: FileCalls = {
      ...nodeFileCalls,
      write: async (...values) => {
        await sleep(20);
        order.push('written');
        return nodeFileCalls.write(...values);
      },
      close: (fd) => {
        order.push('closed');
        return nodeFileCalls.close(fd);
      },
    };
    const file = await new NodeFileSystem({ calls }).create(fresh());
    const writing = file.write(Uint8Array.of(1), 0);
    const closing = file.close();
    await expect(file.read(new Uint8Array(1), 0)).rejects.toThrow(/closed before/);
    await Promise.all([writing, closing, file.close()]);
    expect(order).toEqual(['written', 'closed']);
  });
});

describe('faults', () => {
  it.each([
    ['ENOSPC', -28, 'out-of-space'],
    ['EFBIG', -27, 'out-of-space'],
    ['Unknown system error -122', -122, 'out-of-space'],
    ['EROFS', -30, 'read-only'],
    ['EACCES', -13, 'access-denied'],
    ['EPERM', -1, 'access-denied'],
    ['EIO', -5, 'io'],
    ['ESTALE', -116, 'io'],
  ] as const)('%s (%i) is %s, with its cause', async (code, errno, expected) => {
    const cause = systemError(code, errno);
    const calls: FileCalls = { ...nodeFileCalls, write: () => Promise.reject(cause) };
    const path = fresh();
    const file = await new NodeFileSystem({ calls }).create(path);
    await expect(file.write(Uint8Array.of(1), 0)).rejects.toMatchObject({
      code: expected,
      operation: 'write',
      path,
      cause,
    });
    await file.close();
  });

  it.runIf(mayMount)(
    'a full file system is out of space, and the file can be used when there is room again',
    async () => {
      const mount = fresh();
      fs.mkdirSync(mount);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mount]);
      try {
        const file = await files.create(join(mount, 'full'));
        await expect(file.write(new Uint8Array(2 << 20), 0)).rejects.toEqual(fault('out-of-space'));
        expect(await files.freeSpaceBytes(mount)).toBe(0);
        await file.truncate(0);
        expect(await files.freeSpaceBytes(mount)).toBe(1 << 20);
        await file.write(new Uint8Array(1 << 20), 0);
        await file.flush();
        await file.close();
      } finally {
        execFileSync('umount', ['-l', mount]);
      }
    },
  );
});
