import { test } from '@fast-check/vitest';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import type { LogDescriptor, LogEntry } from '#domain/disk-format/vhdx/log-entry';
import { MemoryFileSystem } from '../../../properties/simulation/memory-file-system.js';
import { OverlaidFile } from './overlaid-file.js';

const PATH = '/disk.vhdx';
const PAGE = 4096;
const GUID = 'c4a10f01-d000-4000-8000-000000000001';

const zero = (page: number, count: number): LogDescriptor => ({
  kind: 'zero',
  fileOffsetBytes: page * PAGE,
  lengthBytes: count * PAGE,
});
const data = (page: number, fill: number): LogDescriptor => ({
  kind: 'data',
  fileOffsetBytes: page * PAGE,
  page: new Uint8Array(PAGE).fill(fill),
});

/** The sequence that has these entries, as far as an overlay looks at it. */
const sequence = (entries: readonly (readonly LogDescriptor[])[], lastFileOffsetBytes: number) => {
  const sizes = { flushedFileOffsetBytes: 0, lastFileOffsetBytes };
  const common = { logGuid: GUID, tailBytes: 0, ...sizes };
  return {
    entries: entries.map((descriptors, n): LogEntry => ({ ...common, sequenceNumber: BigInt(n + 1), descriptors })),
    headOffsetBytes: 0,
    endOffsetBytes: 0,
    lastSequenceNumber: BigInt(entries.length),
    ...sizes,
  };
};

/** A file of pages, each full of its own number, under these entries. */
const overlaid = async (pages: number, entries: readonly (readonly LogDescriptor[])[], lastPage = 0) => {
  const content = new Uint8Array(pages * PAGE);
  for (let n = 0; n < pages; n += 1) content.fill(100 + n, n * PAGE, (n + 1) * PAGE);
  const files = new MemoryFileSystem();
  files.put(PATH, content);
  const file = await files.open(PATH, 'read-write');
  return { view: new OverlaidFile(file, content.length, sequence(entries, lastPage * PAGE)), content, file, files };
};

/** The first byte of each page. */
const firstBytes = async (view: OverlaidFile): Promise<readonly number[]> => {
  const bytes = new Uint8Array(view.sizeBytes);
  expect(await view.read(bytes, 0)).toBe(bytes.length);
  return Array.from({ length: view.sizeBytes / PAGE }, (_, n) => bytes[n * PAGE]!);
};

const descriptors: fc.Arbitrary<LogDescriptor> = fc.oneof(
  fc.tuple(fc.nat(11), fc.integer({ min: 1, max: 99 })).map(([page, fill]) => data(page, fill)),
  fc.tuple(fc.nat(11), fc.integer({ min: 1, max: 6 })).map(([page, count]) => zero(page, Math.min(count, 12 - page))),
);

describe('a file under its dirty log', () => {
  test.prop({
    entries: fc.array(fc.array(descriptors, { maxLength: 6 }), { maxLength: 4 }),
    pages: fc.integer({ min: 1, max: 12 }),
    position: fc.nat(13 * PAGE),
    length: fc.integer({ min: 1, max: 4 * PAGE }),
  })('reads, wherever one asks, as it would if the descriptors had been applied in their order', async (given) => {
    const { view, content, files } = await overlaid(given.pages, given.entries, 12);
    const expected = Buffer.alloc(12 * PAGE);
    expected.set(content);
    for (const descriptor of given.entries.flat()) {
      const at = descriptor.fileOffsetBytes;
      if (descriptor.kind === 'data') expected.set(descriptor.page, at);
      else expected.fill(0, at, at + descriptor.lengthBytes);
    }
    const into = Buffer.alloc(given.length, 0xee);
    const got = await view.read(into, given.position);
    const wanted = expected.subarray(given.position, given.position + given.length);
    expect(got).toBe(wanted.length);
    expect(into.subarray(0, got).equals(wanted)).toBe(true);
    expect(into.subarray(got).every((byte) => byte === 0xee)).toBe(true);
    expect(files.calls).toEqual([]);
  });

  test('shows the last page that was logged, and zeros where they were logged after it', async () => {
    const { view } = await overlaid(6, [
      [data(0, 1), data(1, 1), zero(1, 1), data(2, 1)],
      [zero(2, 2), data(3, 2), data(0, 2)],
    ]);
    expect(await firstBytes(view)).toEqual([2, 0, 0, 2, 104, 105]);
  });

  test('is as long as the log says, or as the file is if that is longer', async () => {
    expect((await overlaid(2, [[]], 5)).view.sizeBytes).toBe(5 * PAGE);
    expect((await overlaid(5, [[]], 2)).view.sizeBytes).toBe(5 * PAGE);
    expect(await firstBytes((await overlaid(2, [[data(3, 9)]], 5)).view)).toEqual([100, 101, 0, 9, 0]);
  });

  test('is the file itself once the log was applied', async () => {
    const { view, file } = await overlaid(2, [[data(0, 1)]], 3);
    await file.write(new Uint8Array(3 * PAGE).fill(7), 0);
    expect(await firstBytes(view)).toEqual([1, 7, 7]);
    view.applied();
    expect(await firstBytes(view)).toEqual([7, 7, 7]);
  });

  test('takes time with the descriptors of its log, not with descriptors times pages', () => {
    const pages = Array.from({ length: 20_000 }, (_, page) => data(page, 1));
    const zeros = Array.from({ length: 50_000 }, (_, n) => zero(n % 1000, 20_000));
    const { user: before } = process.cpuUsage();
    const view = new OverlaidFile(null!, 0, sequence([pages, zeros, pages.slice(0, 10)], 30_000 * PAGE));
    expect(view.sizeBytes).toBe(30_000 * PAGE);
    // A tenth of a second. A thousand million steps take many.
    expect(process.cpuUsage().user - before).toBeLessThan(2_000_000);
  });
});
