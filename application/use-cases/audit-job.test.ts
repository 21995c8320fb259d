import { openSync, writeSync, closeSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { MemoryEventStore } from '#infrastructure/event-store/memory-event-store';
import { emptyHead, seal, type RecordedEvent } from '../journal/recorded-event.js';
import type { RunPorts } from '../merge/run-context.js';
import { filesInMemory, merge, productPorts, recordedEvents } from '../../properties/product/product.js';
import { smallChain, type SmallChain } from '../../properties/product/small-chain.js';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
import { AuditJob, type AuditOptions, type JobAudit } from './audit-job.js';

const scratch = scratchFolder(folderInMemory());
let ports: RunPorts;
let chain: SmallChain;
let jobId: string;
let events: readonly RecordedEvent[];

beforeAll(async () => {
  ports = productPorts({ files: filesInMemory() });
  chain = await smallChain(scratch());
  const merged = await merge(ports, chain.child, chain.base, { windowBytes: 1024 });
  if (merged.answer !== 'ran') throw new Error(merged.answer);
  ({ jobId } = merged);
  events = await recordedEvents(ports, jobId);
});

const audited = async (changed: readonly RecordedEvent[], options: AuditOptions = {}): Promise<JobAudit> => {
  const store = new MemoryEventStore();
  await store.append(`merge-${jobId}`, -1, changed);
  const audit = await new AuditJob({ ...ports, store }).audit(jobId, options);
  if (!audit.ok) throw new Error(audit.error.message);
  return audit.value;
};

/** As someone would who knows how the chain of hashes is made. */
const resealed = (changed: readonly RecordedEvent[]): readonly RecordedEvent[] =>
  seal(`merge-${jobId}`, emptyHead(`merge-${jobId}`, ports.digests), changed, ports);

const firstBad = ({ isRight, streams }: JobAudit): number | null | undefined =>
  isRight ? undefined : streams[0]?.problem?.revision;

const revisionOf = (type: string): number => events.findIndex((event) => event.type === type);

describe('an audit', () => {
  it('of an untouched job is right, and names the head to keep elsewhere', async () => {
    const audit = await audited(events);
    expect(audit.isRight).toBe(true);
    expect(audit.streams[0]?.head).toEqual({ revision: events.length - 1, hash: events.at(-1)!.hash });
  });

  it('names the revision of whichever event was changed, in any field', async () => {
    for (const [revision, event] of events.entries()) {
      const changes: readonly Partial<RecordedEvent>[] = [
        { occurredAt: event.occurredAt + 1 },
        { meta: { ...event.meta, leaseEpoch: 99 } },
        { data: { ...(event.data as object), extra: 1 } },
        { id: '00000000-0000-5000-8000-000000000000' },
        { prevHash: event.hash },
        { hash: event.prevHash },
      ];
      for (const change of changes) {
        const audit = await audited(events.map((one) => (one === event ? { ...one, ...change } : one)));
        expect(firstBad(audit)).toBe(revision);
      }
    }
  });

  it('finds an event with the id of another, even when its hash was made anew', async () => {
    const { hash: _, ...last } = { ...events.at(-1)!, id: events[0]!.id };
    const hash = ports.digests.sha256Text(ports.digests.canonicalJson(last));
    const audit = await audited([...events.slice(0, -1), { ...last, hash }]);
    expect(firstBad(audit)).toBe(events.length - 1);
    expect(audit.streams[0]?.problem?.what).toContain(`has id ${events[0]!.id}, but its content gives`);
  });

  it.each([
    [
      'a block that is there twice',
      () => [...events.slice(0, revisionOf('BlockMerged') + 1), events[revisionOf('BlockMerged')]!],
    ],
    ['a block that is left out', () => events.filter((_, at) => at !== revisionOf('BlockMerged') + 1)],
    ['blocks in another order', () => swapped(revisionOf('BlockMerged'))],
    ['an event after the last', () => [...events, events.at(-1)!]],
    ['a completion without verification', () => events.filter(({ type }) => type !== 'MergeVerified')],
    ['a start without a chain', () => events.filter(({ type }) => type !== 'ChainAccepted')],
  ])('finds %s, even when all hashes were made anew', async (_, change) => {
    const audit = await audited(resealed(change()));
    expect(audit.isRight).toBe(false);
    expect(audit.streams[0]?.problem?.what).toMatch(/cannot follow|is not what follows/);
  });

  it.each([
    [
      'totals',
      (data: { totals: { bytes: number } }) => ({
        ...data,
        totals: { ...data.totals, bytes: data.totals.bytes + 512 },
      }),
    ],
    ['bytes', (data: { bytes: number }) => ({ ...data, bytes: data.bytes + 512 })],
    ['an epoch', (data: { epoch: number }) => ({ ...data, epoch: 7 })],
  ])('finds wrong %s in a block, even when all hashes were made anew', async (_, change) => {
    const at = revisionOf('BlockMerged') + 1;
    const forged = events.map((event, revision) =>
      revision === at ? { ...event, data: change(event.data as never) } : event,
    );
    expect(firstBad(await audited(resealed(forged)))).toBe(at);
  });

  it('finds an event that another process put in, even when all hashes were made anew', async () => {
    const at = revisionOf('BlockMerged') + 2;
    const forged = events.map((event, revision) =>
      revision < at ? event : { ...event, meta: { ...event.meta, actor: { ...event.meta.actor, pid: 1 } } },
    );
    const audit = await audited(resealed(forged));
    expect(firstBad(audit)).toBe(at);
    expect(audit.streams[0]?.problem?.what).toMatch(/process 1 on/);
  });

  it('finds a verification of other blocks than those merged, even when all hashes were made anew', async () => {
    const at = revisionOf('MergeVerified');
    for (const lie of [{ blocks: 3 }, { bytes: 1 }]) {
      const forged = events.map((event, revision) =>
        revision === at ? { ...event, data: { ...(event.data as object), ...lie } } : event,
      );
      const audit = await audited(resealed(forged));
      expect(firstBad(audit)).toBe(at);
      expect(audit.streams[0]?.problem?.what).toMatch(/were verified, but merged were 4 blocks/);
    }
  });

  it('finds an event that says it is of another job, even when all hashes were made anew', async () => {
    const other = '4d6f6a1e-31f4-4d0e-8f4d-0d2f6f7a9b10';
    const forged = events.map((event, at) =>
      at === 2 ? { ...event, meta: { ...event.meta, $correlationId: other } } : event,
    );
    const audit = await audited(resealed(forged));
    expect(firstBad(audit)).toBe(2);
    expect(audit.streams[0]?.problem?.what).toContain(`belongs to job ${other}`);
  });

  it('finds a chain without images, and does not go on to the data', async () => {
    const at = revisionOf('ChainAccepted');
    const forged = events.map((event, revision) =>
      revision === at ? { ...event, data: { ...(event.data as object), images: [] } } : event,
    );
    const audit = await audited(resealed(forged), { withData: true });
    expect(firstBad(audit)).toBe(at);
    expect(audit.data).toBeNull();
  });

  it('of a whole id is of this job, whatever else begins with it', async () => {
    const store = new MemoryEventStore();
    await store.append(`merge-${jobId}`, -1, events);
    const longer = `merge-${jobId}0`;
    await store.append(longer, -1, seal(longer, emptyHead(longer, ports.digests), events.slice(0, 1), ports));
    const audit = await new AuditJob({ ...ports, store }).audit(jobId);
    expect(audit.ok && audit.value.jobId).toBe(jobId);
  });

  it('with the data compares every block with the destination', async () => {
    expect(await audited(events, { withData: true })).toMatchObject({
      isRight: true,
      data: { blocks: 4, differing: [] },
    });
    const at = readFileSync(chain.base).indexOf(Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    const file = openSync(chain.base, 'r+');
    writeSync(file, Buffer.from([0xee]), 0, 1, at);
    closeSync(file);
    expect(await audited(events, { withData: true })).toMatchObject({
      isRight: false,
      data: { differing: [2], changedSince: true },
    });
  });
});

const swapped = (at: number): readonly RecordedEvent[] => {
  const changed = [...events];
  [changed[at], changed[at + 1]] = [events[at + 1]!, events[at]!];
  return changed;
};
