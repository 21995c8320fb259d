import { fc, test } from '@fast-check/vitest';
import { beforeAll, describe, expect } from 'vitest';
import { seal, emptyHead, type ChainHead, type RecordedEvent } from '#application/journal/recorded-event';
import { ENDS_A_RUN, jobStreamName } from '#application/jobs/job-stream';
import type { RunPorts } from '#application/merge/run-context';
import { AuditJob, type AuditOptions, type TrailAudit } from '#application/use-cases/audit-job';
import { MemoryEventStore } from '#infrastructure/event-store/memory-event-store';
import { Ed25519Signer, newPrivateKeyPem } from '#infrastructure/platform/ed25519-signer';
import { linesOf } from '#infrastructure/trail/trail-file';
import { PATIENCE_MS, runs } from '../budget.js';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { recordedEvents } from '../product/product.js';
import { recoveredJob, refusedJob, suspendedJob, trailOf, type SignedJob } from '../product/signed-jobs.js';

const scratch = scratchFolder(folderInMemory());
const operator = new Ed25519Signer(newPrivateKeyPem());

/** The trails of real jobs: completed after a suspension and a crash, suspended by a request, refused. */
const STORIES = [recoveredJob, suspendedJob, refusedJob];
let jobs: readonly SignedJob[];
let trails: readonly Buffer[];

beforeAll(async () => {
  jobs = await Promise.all(STORIES.map(async (story) => await story(scratch(), operator)));
  trails = await Promise.all(jobs.map(async ({ ports, jobId }) => await trailOf(ports, jobId)));
}, PATIENCE_MS);

const audited = async (trail: Uint8Array, options: AuditOptions = {}, ports = jobs[0]!.ports): Promise<TrailAudit> =>
  await new AuditJob(ports).auditTrail(() => linesOf(inOneChunk(trail)), options);

async function* inOneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

const isFound = async (changed: Uint8Array): Promise<boolean> => {
  const { isRight, problem } = await audited(changed);
  return !isRight && problem !== null;
};

/** Which trail, as an index: the long one less often, as it takes as long as the others together. */
const anyTrail = (): fc.Arbitrary<number> => fc.constantFrom(0, 1, 1, 2, 2);

/** Each line with its line end. */
const linesIn = (trail: Buffer): readonly string[] => trail.toString('utf8').match(/[^\n]*\n/g) ?? [];
const bytesOf = (lines: readonly string[]): Buffer => Buffer.from(lines.join(''), 'utf8');

describe('the trail of a real job', () => {
  test('is right as it was exported, and proves who signed it', async () => {
    for (const [index, trail] of trails.entries()) {
      const audit = await audited(trail, { trustedKeys: [operator.publicKey], mustBeSigned: true });
      expect(audit).toMatchObject({ isRight: true, problem: null, end: { signature: { algorithm: 'ed25519' } } });
      expect(audit.jobs).toMatchObject([
        { jobId: jobs[index]!.jobId, signature: { state: 'signed', publicKeys: [operator.publicKey] } },
      ]);
    }
  });

  test.prop({ which: anyTrail(), bit: fc.nat() }, runs(10_000, 200_000))(
    'shows any flipped bit',
    async ({ which, bit }) => {
      const bytes = Buffer.from(trails[which]!);
      const at = Math.floor(bit / 8) % bytes.length;
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (bit % 8)), at);
      expect(await isFound(bytes)).toBe(true);
    },
    PATIENCE_MS,
  );

  test('shows any dropped line, any doubled one, and any two that changed places', async () => {
    for (const trail of trails) {
      const lines = linesIn(trail);
      for (const [first, line] of lines.entries()) {
        expect(await isFound(bytesOf(lines.toSpliced(first, 1)))).toBe(true);
        expect(await isFound(bytesOf(lines.toSpliced(first, 0, line)))).toBe(true);
        for (let second = first + 1; second < lines.length; second++) {
          const swapped = lines.with(first, lines[second]!).with(second, line);
          expect(await isFound(bytesOf(swapped))).toBe(true);
        }
      }
    }
  });

  test('shows that it was cut off after any line', async () => {
    for (const trail of trails) {
      const lines = linesIn(trail);
      for (let count = 0; count < lines.length; count++)
        expect(await isFound(bytesOf(lines.slice(0, count)))).toBe(true);
    }
  });

  test.prop({ which: anyTrail(), length: fc.nat() }, runs(1000, 20_000))(
    'shows that it was cut off after any byte',
    async ({ which, length }) => {
      const trail = trails[which]!;
      expect(await isFound(trail.subarray(0, length % trail.length))).toBe(true);
    },
  );

  test.prop(
    { which: anyTrail(), where: fc.nat(), more: fc.uint8Array({ minLength: 1, maxLength: 20 }) },
    runs(500, 5000),
  )('shows bytes that were put in anywhere', async ({ which, where, more }) => {
    const trail = trails[which]!;
    const at = where % (trail.length + 1);
    const bytes = Buffer.concat([trail.subarray(0, at), more, trail.subarray(at)]);
    expect(await isFound(bytes)).toBe(true);
  });
});

/** A rewritten history: what someone makes who can write the journal, knows how hashes are made, and has a key. */
const rewritten = async (
  { ports, jobId }: SignedJob,
  change: (events: readonly RecordedEvent[]) => readonly RecordedEvent[],
  signer: Ed25519Signer | null,
): Promise<RunPorts> => {
  const stream = jobStreamName(jobId);
  const events = change(await recordedEvents(ports, jobId)).map(({ meta: { signature: _, ...meta }, ...event }) => ({
    ...event,
    meta,
    isSigned: signer !== null && ENDS_A_RUN.has(event.type),
  }));
  const { digests, identifiers } = ports;
  const tools = { digests, identifiers, ...(signer === null ? {} : { signer }) };
  const store = new MemoryEventStore();
  await store.append(stream, -1, seal(stream, emptyHead(stream, digests), events, tools));
  return { ...ports, store, signer: signer ?? ports.signer };
};

/** An hour later than it was: a lie that the rules of a merge do not forbid. */
const later = (events: readonly RecordedEvent[]): readonly RecordedEvent[] =>
  events.map((event) => ({ ...event, occurredAt: event.occurredAt + 3_600_000 }));

const upTo =
  (type: string) =>
  (events: readonly RecordedEvent[]): readonly RecordedEvent[] =>
    events.slice(0, events.findIndex((event) => event.type === type) + 1);

/** The verdict on a journal, and on a trail that was exported from it anew: it must be the same. */
const verdict = async (ports: RunPorts, jobId: string, options: AuditOptions): Promise<boolean> => {
  const journal = await new AuditJob(ports).audit(jobId, options);
  if (!journal.ok) throw new Error(journal.error.message);
  const trail = await audited(await trailOf(ports, jobId), options, ports);
  expect(trail.isRight).toBe(journal.value.isRight);
  return journal.value.isRight;
};

const headOf = async ({ ports, jobId }: SignedJob): Promise<ChainHead> => {
  const head = await ports.store.head(jobStreamName(jobId));
  if (head === null) throw new Error('expected a job with events');
  return head;
};

const known =
  ({ jobId }: SignedJob, head: ChainHead) =>
  (stream: string): ChainHead | null =>
    stream === jobStreamName(jobId) ? head : null;

describe('a history that was rewritten as a whole, with sound hashes, and exported anew', () => {
  test('with another key is found by the key, and by a known head', async () => {
    for (const job of jobs) {
      const forged = await rewritten(job, later, new Ed25519Signer(newPrivateKeyPem()));
      expect(await verdict(forged, job.jobId, {})).toBe(true);
      expect(await verdict(forged, job.jobId, { trustedKeys: [operator.publicKey] })).toBe(false);
      expect(await verdict(forged, job.jobId, { knownHead: known(job, await headOf(job)) })).toBe(false);
    }
  });

  test('with the same key is found by a known head, and by nothing else', async () => {
    for (const job of jobs) {
      const forged = await rewritten(job, later, operator);
      const trusted: AuditOptions = { trustedKeys: [operator.publicKey], mustBeSigned: true };
      expect(await verdict(forged, job.jobId, trusted)).toBe(true);
      expect(await verdict(forged, job.jobId, { ...trusted, knownHead: known(job, await headOf(job)) })).toBe(false);
    }
  });

  test('without any signature is found by whoever says that it must have one, and by a known head', async () => {
    for (const job of jobs) {
      const forged = await rewritten(job, later, null);
      const { signer, ...rest } = { trustedKeys: [operator.publicKey], signer: operator };
      expect(await verdict({ ...forged, signer }, job.jobId, rest)).toBe(true);
      expect(await verdict({ ...forged, signer }, job.jobId, { ...rest, mustBeSigned: true })).toBe(false);
      expect(await verdict(forged, job.jobId, { knownHead: known(job, await headOf(job)) })).toBe(false);
    }
  });
});

describe('a journal whose tail was cut off', () => {
  test.prop({ length: fc.integer({ min: 1, max: 1000 }) }, runs(50, 500))(
    'is found by a known head, at whichever event, and by nothing else',
    async ({ length }) => {
      const [job] = jobs;
      const head = await headOf(job!);
      const count = 1 + (length % head.revision);
      const store = new MemoryEventStore();
      const events = await recordedEvents(job!.ports, job!.jobId);
      await store.append(jobStreamName(job!.jobId), -1, events.slice(0, count));
      const ports = { ...job!.ports, store };
      expect(await verdict(ports, job!.jobId, { trustedKeys: [operator.publicKey], mustBeSigned: true })).toBe(true);
      expect(await verdict(ports, job!.jobId, { knownHead: known(job!, head) })).toBe(false);
    },
  );

  test('after a signed suspension, and that looks like a job which only waits, is found by a known head', async () => {
    const [job] = jobs;
    const ports = await rewritten(job!, upTo('MergeSuspended'), operator);
    const audit = await new AuditJob(ports).audit(job!.jobId, { knownHead: known(job!, await headOf(job!)) });
    if (!audit.ok) throw new Error(audit.error.message);
    expect(audit.value).toMatchObject({ isRight: false, signature: { state: 'signed', problem: null } });
    expect(audit.value.knownHead?.problem).toMatch(/cut off/);
  });

  test('leaves a known head of an earlier time as it is: it says only what was before it', async () => {
    const [job] = jobs;
    const ports = await rewritten(job!, (events) => events, operator);
    const suspended = (await recordedEvents(ports, job!.jobId)).find(({ type }) => type === 'MergeSuspended')!;
    const audit = await new AuditJob(ports).audit(job!.jobId, { knownHead: known(job!, suspended) });
    expect(audit).toMatchObject({ value: { isRight: true, knownHead: { revision: suspended.revision, holds: true } } });
  });
});
