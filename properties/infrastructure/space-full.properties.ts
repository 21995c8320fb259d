/** Merges on a real file system that has just the room they need, or not. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { MergeOptions } from '../../domain/merge-job/events.js';
import { PlanMerge } from '../../application/use-cases/plan-merge.js';
import { MemoryEventStore } from '../../infrastructure/event-store/memory-event-store.js';
import { NodeFileSystem } from '../../infrastructure/file-system/node-file-system.js';
import { isLong } from '../budget.js';
import { filesThat, type AtWrite } from '../product/dying-files.js';
import { DEFAULT_OPTIONS, filesInMemory, merge, productPorts, recordedEvents } from '../product/product.js';
import { SPACE_CHAINS } from './space-chains.js';
import { allocatedBytes, describeWithMounts, fillUp, freeBytes, sha256Of, withTmpfs } from './space-mounts.js';

const MIB = 1024 * 1024;
const PAGE = 4096;
const OPTIONS: MergeOptions = { ...DEFAULT_OPTIONS, windowBytes: 64 * 1024 };

const neededSpace = async (source: string, destination: string) => {
  const plan = await new PlanMerge(productPorts()).plan(source, destination, OPTIONS);
  expect(plan.refusal).toBeNull();
  return plan.totals!.spaceNeededBytes;
};

const looks = (path: string): readonly unknown[] => {
  const { mtimeNs, ctimeNs, size, ino } = statSync(path, { bigint: true });
  return [mtimeNs, ctimeNs, size, ino, sha256Of(path)];
};

describeWithMounts('a merge on a file system in memory', () => {
  describe.each(SPACE_CHAINS)('into $title', ({ title, write, sha256, fullAt }) => {
    test('runs to its end in the space that the plan says it needs, and takes no more', () =>
      withTmpfs(32 * MIB, async (folder) => {
        const { source, destination } = write(folder);
        const shown = sha256(source);
        const needed = await neededSpace(source, destination);
        expect(needed).toBeGreaterThan(PAGE);
        const before = allocatedBytes(source) + allocatedBytes(destination);
        fillUp(folder, needed);
        const merged = await merge(productPorts(), source, destination, OPTIONS);
        expect(merged).toMatchObject({ answer: 'ran', outcome: { outcome: 'completed' } });
        expect(sha256(destination)).toBe(shown);
        const taken = allocatedBytes(source) + allocatedBytes(destination) - before;
        expect(taken).toBeLessThanOrEqual(needed);
        // Of a VHDX with holes the plan counts the log and the metadata whole, and of its direct child the first 4 MiB.
        expect(needed - taken).toBeLessThanOrEqual(destination.endsWith('x') ? 7 * MIB : 0);
        expect(freeBytes(folder)).toBe(needed - taken);
      }));

    test('is refused with one page less, before anything is written', () =>
      withTmpfs(32 * MIB, async (folder) => {
        const { source, destination } = write(folder);
        const needed = await neededSpace(source, destination);
        fillUp(folder, needed - PAGE);
        const before = [looks(source), looks(destination)];
        const merged = await merge(productPorts(), source, destination, OPTIONS);
        expect(merged).toMatchObject({ answer: 'refused', error: { kind: 'out-of-space' } });
        expect([looks(source), looks(destination)]).toEqual(before);
      }));

    if (!isLong && title.includes('VHDX')) return;

    test('is not disturbed by what fills the rest up meanwhile: its room was set aside', () =>
      withTmpfs(32 * MIB, async (folder) => {
        const { source, destination } = write(folder);
        const shown = sha256(source);
        withoutHoles(source, destination);
        const files = filesThat(
          new NodeFileSystem(),
          atWrite(destination, fullAt, () => fillUp(folder, 0)),
        );
        const merged = await merge(productPorts({ files }), source, destination, OPTIONS);
        expect(merged).toMatchObject({ answer: 'ran', outcome: { outcome: 'completed' } });
        expect(freeBytes(folder)).toBe(0);
        expect(sha256(destination)).toBe(shown);
      }));

    if (!isLong && !title.includes('dynamic VHD')) return;

    test('stops at a durable point where nothing could be set aside, and goes on when there is room', () =>
      withTmpfs(32 * MIB, async (folder) => {
        const { source, destination } = write(folder);
        const shown = sha256(source);
        const files = filesThat(
          filesInMemory(),
          atWrite(destination, fullAt, () => fillUp(folder, PAGE)),
        );
        const store = new MemoryEventStore();
        const first = await merge(productPorts({ files, store }), source, destination, OPTIONS);
        expect(first).toMatchObject({
          answer: 'ran',
          outcome: { outcome: 'suspended', why: 'out-of-space', recorded: true },
        });
        const jobId = 'jobId' in first ? first.jobId! : '';
        const suspended = (await recordedEvents(productPorts({ store }), jobId)).at(-1)!;
        expect(suspended.type).toBe('MergeSuspended');
        expect(suspended.data).toMatchObject({ why: 'out-of-space', missingBytes: expect.any(Number) as number });
        expect(sha256(source)).toBe(shown);
        rmSync(join(folder, 'filler'));
        const last = await merge(productPorts({ store }), source, destination, OPTIONS);
        expect(last).toMatchObject({ answer: 'ran', jobId, outcome: { outcome: 'completed' } });
        expect(sha256(destination)).toBe(shown);
      }));

    test('takes over the space that a killed run left behind the end of the file, where it harmed nobody', () =>
      withTmpfs(32 * MIB, async (folder) => {
        const { source, destination } = write(folder);
        const shown = sha256(source);
        withoutHoles(source, destination);
        const needed = await neededSpace(source, destination);
        const { size } = statSync(destination);
        await leaveReserved(destination, needed);
        expect(statSync(destination).size).toBe(size);
        expect(sha256(source)).toBe(shown);
        fillUp(folder, 0);
        const merged = await merge(productPorts(), source, destination, OPTIONS);
        expect(merged).toMatchObject({ answer: 'ran', outcome: { outcome: 'completed' } });
        expect(sha256(destination)).toBe(shown);
        expect(allocatedBytes(destination)).toBe(Math.ceil(statSync(destination).size / PAGE) * PAGE);
      }));
  });
});

/** Calls `then` before the n-th write to the file. */
const atWrite = (path: string, number: number, then: () => void): AtWrite => {
  let writes = 0;
  return (written) => {
    if (written === path && (writes += 1) === number) then();
  };
};

const withoutHoles = (...paths: readonly string[]): void => {
  for (const path of paths) writeFileSync(path, readFileSync(path));
};

const leaveReserved = async (path: string, bytes: number): Promise<void> => {
  const file = await new NodeFileSystem().open(path, 'read-write');
  expect(await file.space.reserve(statSync(path).size, bytes)).toBe('reserved');
  await file.close();
};
