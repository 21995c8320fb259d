import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, openSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FileSystemFault } from '#application/ports/file-system';
import { JobStream } from '#application/jobs/job-stream';
import { MemoryEventStore } from '#infrastructure/event-store/memory-event-store';
import type { RunPorts } from '#application/merge/run-context';
import { followChain, guestBytes, openChain, writePlainVhd } from '../models/plain-vhd.js';
import { expectSameBytes } from '../models/same-bytes.js';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { Died, dyingAfter, filesThat, type AtWrite } from '../product/dying-files.js';
import { filesInMemory, merge, productPorts, recordedEvents, resume, type Merged } from '../product/product.js';
import { BLOCK_BYTES, BLOCKS, block, child, common, id, smallPair } from '../product/small-disks.js';
import { StoreThat } from '../product/store-that.js';

/** What a later run does with a job that it finds: go on, or refuse and say which file and what to do. */

describe('a merge that stopped half-way', () => {
  const scratch = scratchFolder(folderInMemory());

  const chain = () => {
    const folder = mkdtempSync(join(scratch(), 'c-'));
    const base = join(folder, 'base.vhd');
    const source = join(folder, 'child.vhd');
    writePlainVhd(base, {
      ...common,
      type: 'dynamic',
      uniqueId: id(1),
      blocks: new Map([
        [0, block(1)],
        [2, block(2)],
      ]),
    });
    writePlainVhd(
      source,
      child(2, 1, 'base.vhd', new Map(Array.from({ length: BLOCKS }, (_, n) => [n, block(10 + n)]))),
    );
    return { folder, base, source, view: guestBytes(openChain([source, base])) };
  };

  /** Ports whose files do something at a write, on the journal of other ones. */
  const withFiles = (ports: RunPorts, atWrite: AtWrite): RunPorts => ({
    ...productPorts({ files: filesThat(filesInMemory(), atWrite), store: ports.store }),
  });

  /** Lets the merge die after some writes to the destination; returns ports on the same journal. */
  const died = async (source: string, base: string, writes = 12): Promise<RunPorts> => {
    const ports = productPorts({ files: filesInMemory() });
    await expect(
      merge(withFiles(ports, dyingAfter(base, writes)), source, base, { windowBytes: BLOCK_BYTES }),
    ).rejects.toThrow(Died);
    return ports;
  };

  const jobIn = async (ports: RunPorts): Promise<string> => {
    const first = await ports.store.list('merge-')[Symbol.asyncIterator]().next();
    if (first.done === true) throw new Error('there is no job');
    return first.value.stream.slice('merge-'.length);
  };

  const typesIn = async (ports: RunPorts, jobId: string): Promise<readonly string[]> =>
    (await recordedEvents(ports, jobId)).map(({ type }) => type);

  const refusal = (
    merged: Merged,
  ): { readonly kind: string; readonly path: string | null; readonly message: string } => {
    if (merged.answer !== 'refused') throw new Error(`not refused but ${merged.answer}`);
    return merged.error;
  };

  test('goes on under its own job, first of all with MergeRecovered', async () => {
    const { source, base, view } = chain();
    const ports = await died(source, base);
    const jobId = await jobIn(ports);
    expect(await merge(ports, source, base)).toMatchObject({ jobId, outcome: { outcome: 'completed' } });
    expect((await typesIn(ports, jobId)).filter((type) => type === 'MergeRecovered')).toHaveLength(1);
    // The window of the run that died, not of the one that goes on, was under way.
    const recovered = (await recordedEvents(ports, jobId)).find(({ type }) => type === 'MergeRecovered');
    expect(recovered?.data).toMatchObject({ redoBytesAtMost: BLOCK_BYTES });
    expectSameBytes(guestBytes(openChain([base])), view, 'the destination');
  });

  test('is taken up by its job id as well', async () => {
    const { source, base, view } = chain();
    const ports = await died(source, base);
    expect(await resume(ports, await jobIn(ports))).toMatchObject({ outcome: { outcome: 'completed' } });
    expectSameBytes(guestBytes(openChain([base])), view, 'the destination');
  });

  test('refuses a source that changed in a block that is committed, names it, and touches nothing', async () => {
    const { source, base } = chain();
    const ports = await died(source, base);
    const bytes = readFileSync(source);
    bytes[bytes.indexOf(Buffer.alloc(64, 10))] = 99;
    writeFileSync(source, bytes);
    const before = readFileSync(base);
    const error = refusal(await merge(ports, source, base));
    expect(error).toMatchObject({ kind: 'image-changed', path: source });
    expect(error.message).toMatch(/terminate/);
    expect(readFileSync(base).equals(before)).toBe(true);
  });

  test('refuses a source that changed its size', async () => {
    const { source, base } = chain();
    const ports = await died(source, base);
    writeFileSync(source, Buffer.concat([readFileSync(source), readFileSync(source).subarray(-512)]));
    expect(refusal(await merge(ports, source, base))).toMatchObject({ kind: 'image-changed', path: source });
  });

  test('goes on over a source that was copied or only touched, after comparing what is committed', async () => {
    const { source, base, view } = chain();
    const ports = await died(source, base);
    const jobId = await jobIn(ports);
    copyFileSync(source, `${source}.copy`);
    renameSync(`${source}.copy`, source);
    expect(await merge(ports, source, base)).toMatchObject({ jobId, outcome: { outcome: 'completed' } });
    const recovered = (await recordedEvents(ports, jobId)).find(({ type }) => type === 'MergeRecovered');
    expect(recovered?.data).toMatchObject({ diskSaid: { moved: [source] } });
    expectSameBytes(guestBytes(openChain([base])), view, 'the destination');
  });

  test('refuses a destination that was written to long after the last event', async () => {
    const { source, base } = chain();
    const ports = await died(source, base);
    const late = Date.now() / 1000 + 2 * 3600;
    utimesSync(base, late, late);
    expect(refusal(await merge(ports, source, base))).toMatchObject({ kind: 'image-changed', path: base });
  });

  test('refuses a destination that is another file now, as one from a backup', async () => {
    const { source, base } = chain();
    copyFileSync(base, `${base}.backup`);
    const ports = await died(source, base);
    renameSync(`${base}.backup`, base);
    expect(refusal(await merge(ports, source, base))).toMatchObject({ kind: 'image-changed', path: base });
  });

  test('goes on in a copy of the destination that has every committed block', async () => {
    const { source, base, view } = chain();
    const ports = await died(source, base);
    const jobId = await jobIn(ports);
    copyFileSync(base, `${base}.copy`);
    renameSync(`${base}.copy`, base);
    expect(await merge(ports, source, base)).toMatchObject({ jobId, outcome: { outcome: 'completed' } });
    const recovered = (await recordedEvents(ports, jobId)).find(({ type }) => type === 'MergeRecovered');
    expect(recovered?.data).toMatchObject({ diskSaid: { moved: [base] } });
    expectSameBytes(guestBytes(openChain([base])), view, 'the destination');
  });

  test('holds its images: another merge with one of them is refused and names the job', async () => {
    const { folder, source, base } = chain();
    const ports = await died(source, base);
    const jobId = await jobIn(ports);
    const grandchild = join(folder, 'grandchild.vhd');
    writePlainVhd(grandchild, child(3, 2, 'child.vhd', new Map([[1, block(77)]])));
    const error = refusal(await merge(ports, grandchild, source));
    expect(error).toMatchObject({ kind: 'job-holds-image', related: [jobId] });
  });

  test('finds a child that the source got meanwhile, and gives it the destination as its parent', async () => {
    const { folder, source, base } = chain();
    const ports = await died(source, base);
    const snapshot = join(folder, 'snapshot.vhd');
    writePlainVhd(snapshot, child(3, 2, 'child.vhd', new Map([[1, block(77)]])));
    const shown = guestBytes(followChain(snapshot));
    expect(await merge(ports, source, base)).toMatchObject({ outcome: { outcome: 'completed' } });
    expect(followChain(snapshot).map((image) => image.source.path)).toEqual([snapshot, base]);
    expectSameBytes(guestBytes(followChain(snapshot)), shown, 'the snapshot');
  });

  test('re-parents a child that changed between the intention and its first byte', async () => {
    const { folder, source, base } = chain();
    const snapshot = join(folder, 'snapshot.vhd');
    writePlainVhd(snapshot, child(3, 2, 'child.vhd', new Map([[1, block(77)]])));
    const store = new StoreThat('ChildReparented', () => {
      throw new Died();
    });
    await expect(merge(productPorts({ files: filesInMemory(), store }), source, base)).rejects.toThrow(Died);
    writePlainVhd(
      snapshot,
      child(
        3,
        2,
        'child.vhd',
        new Map([
          [1, block(77)],
          [4, block(78)],
        ]),
      ),
    );
    const shown = guestBytes(followChain(snapshot));
    const ports = productPorts({ files: filesInMemory(), store: new MemoryEventStore(store.journal) });
    expect(await merge(ports, source, base)).toMatchObject({ outcome: { outcome: 'completed' } });
    expect(followChain(snapshot).map((image) => image.source.path)).toEqual([snapshot, base]);
    expectSameBytes(guestBytes(followChain(snapshot)), shown, 'the snapshot');
  });

  test('refuses to go on when a sibling appeared meanwhile', async () => {
    const { folder, source, base } = chain();
    const ports = await died(source, base);
    writePlainVhd(join(folder, 'sibling.vhd'), child(4, 1, 'base.vhd', new Map()));
    expect(refusal(await merge(ports, source, base))).toMatchObject({
      kind: 'siblings-present',
      related: [join(folder, 'sibling.vhd')],
    });
    expect(await merge(ports, source, base, {})).toMatchObject({ answer: 'refused' });
  });

  test('stops at a durable point when the disk is full, says how, and goes on when there is room', async () => {
    const { source, base, view } = chain();
    const ports = productPorts({ files: filesInMemory() });
    let writes = 0;
    const full = withFiles(ports, (path) => {
      if (path === base && ++writes > 9) throw new FileSystemFault('out-of-space', 'write', path);
    });
    const stopped = await merge(full, source, base, { windowBytes: BLOCK_BYTES });
    expect(stopped).toMatchObject({
      outcome: { outcome: 'suspended', recorded: true, error: { kind: 'out-of-space' } },
    });
    const jobId = await jobIn(ports);
    expect((await recordedEvents(ports, jobId)).at(-1)).toMatchObject({
      type: 'MergeSuspended',
      data: { why: 'out-of-space' },
    });
    expectSameBytes(guestBytes(openChain([source, base])), view, 'the source');
    expect(await merge(ports, source, base)).toMatchObject({ jobId, outcome: { outcome: 'completed' } });
    expect(await typesIn(ports, jobId)).toContain('MergeResumed');
    expectSameBytes(guestBytes(openChain([base])), view, 'the destination');
  });

  test('fails as resumable when a write fails, and goes on in the next run', async () => {
    const { source, base, view } = chain();
    const ports = productPorts({ files: filesInMemory() });
    let writes = 0;
    const broken = withFiles(ports, (path) => {
      if (path === base && ++writes === 9) throw new FileSystemFault('io', 'write', path);
    });
    expect(await merge(broken, source, base, { windowBytes: BLOCK_BYTES })).toMatchObject({
      outcome: { outcome: 'failed', resumable: true, error: { kind: 'io-failed' } },
    });
    expect(await merge(ports, source, base)).toMatchObject({ outcome: { outcome: 'completed' } });
    expectSameBytes(guestBytes(openChain([base])), view, 'the destination');
  });

  test('stops for good when someone else has appended to its stream', async () => {
    const { source, base, view } = chain();
    const ports = productPorts({ files: filesInMemory() });
    let writes = 0;
    let bytesAtTakeOver = Buffer.alloc(0);
    const taken = withFiles(ports, async (path) => {
      if (path !== base || ++writes !== 9) return;
      const other = await JobStream.open(await jobIn(ports), ports);
      await other.record({ type: 'TerminateMerge', by: 'another host', why: 'test' });
      bytesAtTakeOver = readFileSync(base);
    });
    const stopped = await merge(taken, source, base, { windowBytes: BLOCK_BYTES });
    expect(stopped).toMatchObject({
      outcome: { outcome: 'failed', recorded: false, error: { kind: 'job-taken-over' } },
    });
    // What was under way lies in space that nothing points to.
    expectSameBytes(guestBytes(openChain([source, base])), view, 'the source');
    expect(readFileSync(base).subarray(0, 4096).equals(bytesAtTakeOver.subarray(0, 4096))).toBe(true);
  });
});

describe('an image that another program writes', () => {
  const scratch = scratchFolder(folderInMemory());

  test.runIf(process.platform === 'linux').each(['child.vhd', 'base.vhd'])(
    'is not merged: %s is named with its holder, and no file is touched',
    async (name) => {
      const folder = mkdtempSync(join(scratch(), 'c-'));
      const { base, source } = smallPair(folder);
      const writer = spawn('sleep', ['60'], { stdio: ['ignore', openSync(join(folder, name), 'r+'), 'ignore'] });
      try {
        const before = readFileSync(base);
        const refused = await merge(productPorts({ files: filesInMemory() }), source, base);
        expect(refused).toMatchObject({ answer: 'refused', error: { kind: 'image-in-use', path: join(folder, name) } });
        expect(refused.answer === 'refused' ? refused.error.message : '').toContain(`pid ${String(writer.pid)}`);
        expect(readFileSync(base).equals(before)).toBe(true);
      } finally {
        writer.kill('SIGKILL');
      }
    },
  );
});
