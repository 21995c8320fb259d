import { describe, expect, test } from 'vitest';
import { FileSystemFault, type OpenFile } from '#application/ports/file-system';
import { MemoryFileSystem } from '../../properties/simulation/memory-file-system.js';
import { GuardedFile } from './guarded-file.js';

/** A file whose flushes end when they are told to. */
const slowFile = async (): Promise<{ file: GuardedFile; started: () => number; end: (fault?: Error) => void }> => {
  const files = new MemoryFileSystem();
  files.put('/disk', new Uint8Array(512));
  const under = await files.open('/disk', 'read-write');
  const waiting: ((fault?: Error) => void)[] = [];
  let started = 0;
  const slow: OpenFile = {
    ...under,
    flush: () => {
      started += 1;
      return new Promise((resolve, reject) => {
        waiting.push((fault) => {
          if (fault === undefined) resolve();
          else reject(fault);
        });
      });
    },
  };
  return { file: new GuardedFile(slow), started: () => started, end: (fault) => waiting.shift()?.(fault) };
};

const settled = async (): Promise<void> => {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
};

describe('the open file of a destination', () => {
  test('is flushed by one call at a time, because of several at once only one is told of a lost write', async () => {
    const { file, started, end } = await slowFile();
    const flushes = [file.flush(), file.flush()];
    await settled();
    expect(started()).toBe(1);
    end();
    await settled();
    expect(started()).toBe(2);
    end();
    await Promise.all(flushes);
  });

  test('is not flushed again after a flush that failed: who waits for the next one hears of it, with the same code', async () => {
    const { file, started, end } = await slowFile();
    const flushes = [file.flush(), file.flush()];
    await settled();
    end(new FileSystemFault('out-of-space', 'flush', '/disk'));
    const results = await Promise.allSettled(flushes);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(started()).toBe(1);
    await expect(file.write(new Uint8Array(1), 0)).rejects.toThrow('out-of-space');
    await expect(file.read(new Uint8Array(1), 0)).rejects.toThrow('out-of-space');
    await file.close();
  });
});
