import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { MemoryEventStore, MemoryJournal } from '#infrastructure/event-store/memory-event-store';
import { followChain, guestBytes } from '../../properties/models/plain-vhd.js';
import { expectSameBytes } from '../../properties/models/same-bytes.js';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
import { Died } from '../../properties/product/dying-files.js';
import {
  Appends,
  copyOf,
  deadJob,
  diesIn,
  eventsIn,
  hashesOf,
  runs,
  type DeadJob,
} from '../../properties/product/moving-jobs.js';
import { merge, resume } from '../../properties/product/product.js';
import { EventStoreFault } from '../ports/event-store.js';
import { controlStreamName, jobStreamName } from '../jobs/job-stream.js';
import type { RunPorts } from '../merge/run-context.js';
import { AuditJob } from './audit-job.js';
import { ListJobs } from './list-jobs.js';
import { MoveJob, type MovedJob } from './move-job.js';
import { SteerMerge } from './steer-merge.js';

const NEW = 'sqlite:/new.db';
const scratch = scratchFolder(folderInMemory());
const old = new MemoryJournal();
let job: DeadJob;

beforeAll(async () => {
  job = await deadJob(scratch(), old);
});

const portsOn = (journal: MemoryJournal): RunPorts => ({ ...job.ports, store: new MemoryEventStore(journal) });

const move = async (from: RunPorts, to: MemoryJournal): Promise<MovedJob> => {
  const moved = await new MoveJob(from).move(job.jobId, { name: NEW, store: new MemoryEventStore(to) });
  if (!moved.ok) throw new Error(moved.error.message);
  return moved.value;
};

const refusedMove = async (from: RunPorts, to: MemoryJournal, name = NEW) => {
  const moved = await new MoveJob(from).move(job.jobId, { name, store: new MemoryEventStore(to) });
  if (moved.ok) throw new Error('it was moved');
  return moved.error;
};

describe('a job that died half-way', () => {
  test('is moved with every event as it was, and its old journal says where it went', async () => {
    const [from, to] = [portsOn(copyOf(old)), new MemoryJournal()];
    const stream = jobStreamName(job.jobId);
    const before = await eventsIn(stream, from.store);
    expect(await move(from, to)).toMatchObject({ jobId: job.jobId, added: before.length });
    expect(await eventsIn(stream, new MemoryEventStore(to))).toEqual(before);
    const last = (await eventsIn(stream, from.store)).slice(before.length);
    expect(last).toMatchObject([
      { type: 'JobMoved', data: { to: NEW }, meta: { signature: { algorithm: 'ed25519' } } },
    ]);
    expect((await new ListJobs(from).all()).map(({ jobState }) => jobState.name)).toEqual(['Moved']);
  });

  test('takes what was asked of it along', async () => {
    const [from, to] = [portsOn(copyOf(old)), new MemoryJournal()];
    const held = await from.locks.lockAll([{ path: job.chain.base, use: 'write' }]);
    await new SteerMerge(from).steer(job.jobId, 'suspend', 0);
    if (held.held) await held.release();
    await move(from, to);
    const requests = await eventsIn(controlStreamName(job.jobId), new MemoryEventStore(to));
    expect(requests.map(({ type }) => type)).toEqual(['SuspendRequested']);
  });

  test('is refused by its old journal: to resume, to merge anew, and to move elsewhere', async () => {
    const from = portsOn(copyOf(old));
    await move(from, new MemoryJournal());
    const { child, base } = job.chain;
    expect(await resume(from, job.jobId)).toMatchObject({
      answer: 'refused',
      error: { kind: 'job-state', message: expect.stringContaining(NEW) as unknown },
    });
    expect(await merge(from, child, base)).toMatchObject({
      answer: 'refused',
      error: { kind: 'job-holds-image', message: expect.stringContaining(NEW) as unknown },
    });
    expect((await refusedMove(from, new MemoryJournal(), 'sqlite:/third.db')).message).toContain(NEW);
  });

  test('is never run by two journals, and is whole after the same move again, wherever the move was cut short', async () => {
    const stream = jobStreamName(job.jobId);
    const original = hashesOf(await eventsIn(stream, new MemoryEventStore(old)));
    let crash = 0;
    for (let happened = true; happened; crash++) {
      for (const when of ['before', 'after'] as const) {
        const [from, to, appends] = [copyOf(old), new MemoryJournal(), new Appends(crash, when)];
        const dying = new MoveJob({ ...job.ports, store: appends.store(from) });
        happened = await diesIn(() => dying.move(job.jobId, { name: NEW, store: appends.store(to) }));
        expect(await runners(from, to), `${when} append ${String(crash)}`).toBeLessThan(2);
        await move(portsOn(from), to);
        expect([await runs(job.jobId, portsOn(from)), await runs(job.jobId, portsOn(to))]).toEqual([false, true]);
        expect(hashesOf(await eventsIn(stream, new MemoryEventStore(to)))).toBe(original);
        expect(await move(portsOn(from), to)).toMatchObject({ added: 0 });
      }
    }
    // The mark, the job's last event, and its events in two windows at least.
    expect(crash - 1).toBeGreaterThanOrEqual(4);
  }, 60_000);

  const runners = async (from: MemoryJournal, to: MemoryJournal): Promise<number> =>
    [await runs(job.jobId, portsOn(from)), await runs(job.jobId, portsOn(to))].filter(Boolean).length;

  test('is not moved to its own journal under another name', async () => {
    const journal = copyOf(old);
    expect((await refusedMove(portsOn(journal), journal)).message).toContain('this same journal under another name');
    expect(await runs(job.jobId, portsOn(journal))).toBe(true);
  });

  test('is not closed for its own journal under another name', async () => {
    const journal = copyOf(old);
    const seen = new MemoryEventStore(journal);
    const closed = await new MoveJob(portsOn(journal)).close(job.jobId, NEW, seen);
    expect(closed).toMatchObject({
      error: { message: expect.stringContaining('this same journal under another name') as unknown },
    });
    expect(await runs(job.jobId, portsOn(journal))).toBe(true);
    expect(await new MoveJob(portsOn(journal)).close(job.jobId, NEW, new MemoryEventStore())).toMatchObject({
      ok: true,
    });
  });

  test('does not come back to the journal that it has left, and stays where it is', async () => {
    const [first, second] = [copyOf(old), new MemoryJournal()];
    await move(portsOn(first), second);
    const error = await refusedMove(portsOn(second), first, 'sqlite:/old.db');
    expect(error.message).toContain('has held job');
    expect(error.message).toContain('JobMoved');
    expect(await runs(job.jobId, portsOn(second))).toBe(true);
    expect(await move(portsOn(first), second)).toMatchObject({ added: 0 });
  });

  test('is told as it stands there when it has gone on', async () => {
    const [first, second] = [copyOf(old), new MemoryJournal()];
    await move(portsOn(first), second);
    await new SteerMerge(portsOn(second)).steer(job.jobId, 'terminate', 0);
    expect(await move(portsOn(first), second)).toMatchObject({ added: 0, state: { phase: 'terminated' } });
  });

  test('that was moved before it had looked at its chain holds the two images of its request', async () => {
    const first = new MemoryJournal();
    const request = (await eventsIn(jobStreamName(job.jobId), new MemoryEventStore(old)))[0]!;
    await new MemoryEventStore(first).append(request.stream, -1, [request]);
    const from = portsOn(first);
    await move(from, new MemoryJournal());
    expect(await merge(from, job.chain.child, job.chain.base)).toMatchObject({
      answer: 'refused',
      error: { kind: 'job-holds-image' },
    });
  });

  test('says when the other journal fails that it is closed, and what finishes the move', async () => {
    const [from, to] = [copyOf(old), new MemoryJournal()];
    const target = new MemoryEventStore(to);
    const append = target.append.bind(target);
    target.append = async (...given) => {
      if (given[0].startsWith('import-')) return await append(...given);
      throw new EventStoreFault('the server is gone', { kind: 'unreachable' });
    };
    const moved = await new MoveJob(portsOn(from)).move(job.jobId, { name: NEW, store: target });
    expect(moved).toMatchObject({
      error: { kind: 'journal-failed', message: expect.stringContaining('run the same command again') as unknown },
    });
    await move(portsOn(from), to);
    expect(await runs(job.jobId, portsOn(to))).toBe(true);
  });

  test('is not moved over another history of it', async () => {
    const [from, to] = [portsOn(copyOf(old)), copyOf(old)];
    await new SteerMerge(portsOn(to)).steer(job.jobId, 'terminate', 0);
    const events = await eventsIn(jobStreamName(job.jobId), new MemoryEventStore(to));
    const last = (await eventsIn(jobStreamName(job.jobId), from.store)).length;
    expect(events).toHaveLength(last + 1);
    // A history that only goes on is not another one; one that differs in an event is.
    const other = new MemoryJournal();
    await new MemoryEventStore(other).append(events[0]!.stream, -1, [{ ...events[0]!, hash: 'other' }]);
    const error = await refusedMove(from, other);
    expect(error.message).toContain('holds another history of this job');
    expect(error.message).toContain('revision 0');
    expect(await runs(job.jobId, from)).toBe(true);
  });

  test('is not moved while somebody has its images', async () => {
    const [from, to] = [portsOn(copyOf(old)), new MemoryJournal()];
    const held = await from.locks.lockAll([{ path: job.chain.base, use: 'write' }]);
    const error = await refusedMove(from, to);
    if (held.held) await held.release();
    expect(error).toMatchObject({ kind: 'image-in-use', related: [job.jobId] });
    expect(to.streams.size).toBe(0);
    expect(await runs(job.jobId, from)).toBe(true);
  });

  test('is not moved with an event that was tampered with', async () => {
    const journal = copyOf(old);
    const stored = journal.streams.get(jobStreamName(job.jobId))!;
    stored[7] = { ...stored[7]!, text: stored[7]!.text.replace('"sectors"', '"Sectors"') };
    const error = await refusedMove(portsOn(journal), new MemoryJournal());
    expect(error.message).toContain(`event 7 of ${jobStreamName(job.jobId)} is not right`);
    expect(await runs(job.jobId, portsOn(journal))).toBe(true);
  });

  test('that came only in part is run by nobody, and says why', async () => {
    const [from, to, appends] = [copyOf(old), new MemoryJournal(), new Appends(3, 'before')];
    const moving = new MoveJob({ ...job.ports, store: appends.store(from) });
    await expect(moving.move(job.jobId, { name: NEW, store: appends.store(to) })).rejects.toThrow(Died);
    expect((await eventsIn(jobStreamName(job.jobId), new MemoryEventStore(to))).length).toBeGreaterThan(0);
    const content = readFileSync(job.chain.base);
    const { child, base } = job.chain;
    for (const answer of [await resume(portsOn(to), job.jobId), await merge(portsOn(to), child, base)])
      expect(answer).toMatchObject({
        answer: 'refused',
        error: { kind: 'journal-failed', message: expect.stringContaining('only in part') as unknown },
      });
    expect(readFileSync(base).equals(content)).toBe(true);
  });

  test('goes on in its new journal, to the right end and with a clean audit', async () => {
    const journal = new MemoryJournal();
    const [from, to] = [portsOn(old), portsOn(journal)];
    await move(from, journal);
    expect(await resume(to, job.jobId)).toMatchObject({ outcome: { outcome: 'completed' } });
    expectSameBytes(guestBytes(followChain(job.chain.base)), job.chain.shown, 'the merged disk');
    for (const ports of [from, to])
      expect(await new AuditJob(ports).audit(job.jobId)).toMatchObject({ ok: true, value: { isRight: true } });
    // It has ended: the other journal knows, this one can only say where it went.
    const ended = await new MoveJob(to).move(job.jobId, { name: 'sqlite:/third.db', store: new MemoryEventStore() });
    expect(ended).toMatchObject({ ok: false, error: { message: expect.stringContaining('completed') as unknown } });
  });
});
