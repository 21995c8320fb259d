import { beforeAll, describe, expect, test } from 'vitest';
import { MemoryEventStore, MemoryJournal } from '#infrastructure/event-store/memory-event-store';
import { Ed25519Signer, newPrivateKeyPem } from '#infrastructure/platform/ed25519-signer';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
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
import { filesInMemory, merge, productPorts } from '../../properties/product/product.js';
import { smallChain } from '../../properties/product/small-chain.js';
import { numbered } from '../../properties/product/recorded-events.js';
import { jobStreamName } from '../jobs/job-stream.js';
import { emptyHead, seal } from '../journal/recorded-event.js';
import { trailLines } from '../journal/trail.js';
import type { EventStore } from '../ports/event-store.js';
import { ExportJournal } from './export-journal.js';
import { ImportJournal, type ImportWish } from './import-journal.js';
import { MoveJob } from './move-job.js';

const NEW = 'sqlite:/new.db';
const WISH: ImportWish = { journal: NEW, alsoCalled: [], trustedKey: null, unfinished: false };
const signer = new Ed25519Signer(newPrivateKeyPem());
const scratch = scratchFolder(folderInMemory());
const dead = new MemoryJournal();
const done = new MemoryJournal();
let job: DeadJob;
let completed: string;
const trails = { dead: [''], moved: [''], done: [''] };

beforeAll(async () => {
  job = await deadJob(scratch(), dead);
  const { child, base } = await smallChain(scratch(), { blocks: 700 });
  const ports = productPorts({ files: filesInMemory(), store: new MemoryEventStore(done) });
  const merged = await merge(ports, child, base);
  completed = merged.answer === 'ran' ? merged.jobId : '';
  trails.dead = await exported(dead);
  trails.done = await exported(done);
  const moved = copyOf(dead);
  await new MoveJob({ ...job.ports, store: new MemoryEventStore(moved) }).close(job.jobId, NEW, null);
  trails.moved = await exported(moved);
});

const exported = async (journal: MemoryJournal): Promise<string[]> => {
  const useCase = new ExportJournal({ ...job.ports, store: new MemoryEventStore(journal) });
  const jobs = await useCase.jobs([]);
  const lines: string[] = [];
  for await (const line of useCase.lines(jobs.ok ? jobs.value : [], 'sqlite:/old.db', signer)) lines.push(line);
  return lines;
};

const linesOf = async (store: EventStore, streams: readonly string[]): Promise<string[]> => {
  const lines: string[] = [];
  for await (const line of trailLines(streams, { ...job.ports, store, signer }, 'sqlite:/old.db')) lines.push(line);
  return lines;
};

/** The trail of the completed job with one block changed, sealed and signed anew. */
const rewritten = async (): Promise<string[]> => {
  const stream = jobStreamName(completed);
  const events = (await eventsIn(stream, into(done))).map((event) =>
    event.revision === 500 ? { ...event, data: { ...(event.data as object), bytes: 1024 } } : event,
  );
  const store = new MemoryEventStore();
  await store.append(stream, -1, seal(stream, emptyHead(stream, job.ports.digests), events, job.ports));
  return await linesOf(store, [stream]);
};

const flipped = (lines: readonly string[]): string[] => lines.with(600, lines[600]!.replace('"v":1', '"v":3'));

async function* given(lines: readonly string[]): AsyncGenerator<string> {
  for (const line of lines) yield await Promise.resolve(line);
}

/** Events added, or why not. `second`: the lines that the second pass finds. */
const imported = async (
  lines: readonly string[],
  store: EventStore,
  wish: Partial<ImportWish> = {},
  second = lines,
): Promise<number | string> => {
  const useCase = new ImportJournal({ ...job.ports, store });
  const plan = await useCase.plan({ path: '/trail', lines: () => given(lines) }, { ...WISH, ...wish });
  if (!plan.ok) return plan.error.message;
  const added = await useCase.carryOut({ path: '/trail', lines: () => given(second) }, plan.value, NEW);
  return added.ok ? [...added.value.values()].reduce((sum, count) => sum + count, 0) : added.error.message;
};

const into = (journal: MemoryJournal): EventStore => new MemoryEventStore(journal);

describe('a job that has ended', () => {
  test('is imported with every event as it was, once', async () => {
    const to = new MemoryJournal();
    const original = await eventsIn(jobStreamName(completed), into(done));
    expect(await imported(trails.done, into(to))).toBe(original.length);
    expect(await eventsIn(jobStreamName(completed), into(to))).toEqual(original);
    expect(await imported(trails.done, into(to))).toBe(0);
  });

  test('is not run while only a part of it is there, and is whole after the same import again, wherever it was cut short', async () => {
    const original = hashesOf(await eventsIn(jobStreamName(completed), into(done)));
    let crash = 0;
    for (let happened = true; happened; crash++) {
      for (const when of ['before', 'after'] as const) {
        const [to, appends] = [new MemoryJournal(), new Appends(crash, when)];
        happened = await diesIn(() => imported(trails.done, appends.store(to)));
        const ports = { ...job.ports, store: into(to) };
        expect(await runs(completed, ports), `${when} append ${String(crash)}`).toBe(false);
        expect(await imported(trails.done, into(to))).toEqual(expect.any(Number));
        expect(hashesOf(await eventsIn(jobStreamName(completed), into(to)))).toBe(original);
      }
    }
    expect(crash - 1).toBeGreaterThanOrEqual(3);
  }, 60_000);
});

describe('a job that has not', () => {
  test('is refused: its old journal would go on with it as well', async () => {
    const to = new MemoryJournal();
    expect(await imported(trails.dead, into(to))).toContain('is not finished');
    expect(to.streams.size).toBe(0);
  });

  test('is taken when its old journal is said to be lost', async () => {
    const to = new MemoryJournal();
    expect(await imported(trails.dead, into(to), { unfinished: true })).toEqual(expect.any(Number));
    expect(await runs(job.jobId, { ...job.ports, store: into(to) })).toBe(true);
  });

  test('goes on where it was moved to, without the event that says so', async () => {
    const to = new MemoryJournal();
    const original = await eventsIn(jobStreamName(job.jobId), into(dead));
    expect(await imported(trails.moved, into(to))).toBe(original.length);
    expect(await eventsIn(jobStreamName(job.jobId), into(to))).toEqual(original);
    expect(await runs(job.jobId, { ...job.ports, store: into(to) })).toBe(true);
  });

  test('is refused elsewhere, also when the old journal is said to be lost, unless that is another name of the same', async () => {
    const other = { journal: 'sqlite:/other.db', unfinished: true };
    const to = new MemoryJournal();
    expect(await imported(trails.moved, into(to), other)).toContain(`Found one moved to ${NEW}`);
    expect(to.streams.size).toBe(0);
    expect(await imported(trails.moved, into(to), { ...other, alsoCalled: [NEW] })).toEqual(expect.any(Number));
  });
});

describe('nothing is appended', () => {
  const refusals: readonly [string, () => string[], Partial<ImportWish>, string][] = [
    [
      'of a trail by another key than the one named',
      () => trails.done,
      { trustedKey: 'A'.repeat(43) + '=' },
      'another key',
    ],
    ['of a trail that was cut', () => trails.done.slice(0, -1), {}, 'something was cut off'],
    ['of a trail with a flipped bit', () => flipped(trails.done), {}, 'not a whole trail'],
  ];
  test.each(refusals)('%s', async (_, lines, wish, what) => {
    const to = new MemoryJournal();
    expect(await imported(lines(), into(to), wish)).toContain(what);
    expect(to.streams.size).toBe(0);
  });

  test('when the journal holds another history, and the revision is named', async () => {
    const to = copyOf(done);
    const stored = to.streams.get(jobStreamName(completed))!;
    const other = stored[5]!;
    stored[5] = { ...other, text: other.text.replace(/"hash":"./, '"hash":"x') };
    const before = [...stored];
    expect(await imported(trails.done, into(to))).toContain('revision 5');
    expect(to.streams.get(jobStreamName(completed))).toEqual(before);
  });

  test('of events that no job can have, however well they are hashed and signed', async () => {
    const to = new MemoryJournal();
    expect(await imported(await rewritten(), into(to))).toContain(
      `event 500 of ${jobStreamName(completed)} is not right`,
    );
    expect(to.streams.size).toBe(0);
  });

  test.each([
    ['notes-1', 'is of a stream that is no job’s'],
    ['control-4d6f6a1e-31f4-4d0e-8f4d-0d2f6f7a9b10', 'is not right'],
  ])('of the stream %s: it is no job’s', async (stream, what) => {
    const foreign = new MemoryEventStore();
    await foreign.append(stream, -1, numbered(stream, 1));
    const to = new MemoryJournal();
    expect(await imported(await linesOf(foreign, [stream]), into(to))).toContain(what);
    expect(to.streams.size).toBe(0);
  });

  test('that was not checked: a file that changed after the first pass', async () => {
    const to = new MemoryJournal();
    const events = await eventsIn(jobStreamName(completed), into(done));
    expect(await imported(trails.done, into(to), {}, await rewritten())).toContain(
      'is not any more what it was when it was checked',
    );
    const kept = await eventsIn(jobStreamName(completed), into(to));
    expect(kept).toEqual(events.slice(0, kept.length));
    expect(kept.length).toBeLessThan(501);
    expect(await runs(completed, { ...job.ports, store: into(to) })).toBe(false);
  });
});
