import { beforeAll, describe, expect, it } from 'vitest';
import { MemoryEventStore } from '#infrastructure/event-store/memory-event-store';
import { Ed25519Signer, newPrivateKeyPem } from '#infrastructure/platform/ed25519-signer';
import { parseEvent, printEvent } from '../journal/event-text.js';
import { emptyHead, seal, type RecordedEvent } from '../journal/recorded-event.js';
import type { RunPorts } from '../merge/run-context.js';
import { recordedEvents } from '../../properties/product/product.js';
import { recoveredJob, suspendedJob } from '../../properties/product/signed-jobs.js';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
import { keyFingerprint } from './audit-fingerprint.js';
import { SignatureRules } from './audit-signatures.js';
import { AuditJob, type AuditOptions, type JobAudit } from './audit-job.js';

const scratch = scratchFolder(folderInMemory());
const [operator, stranger] = [new Ed25519Signer(newPrivateKeyPem()), new Ed25519Signer(newPrivateKeyPem())];
/** Two runs of it have said that they ended: suspended, and completed. */
let events: readonly RecordedEvent[];
let jobId: string;
let ports: RunPorts;
let suspendedAt: number;
let last: number;

beforeAll(async () => {
  ({ ports, jobId } = await recoveredJob(scratch(), operator));
  events = await recordedEvents(ports, jobId);
  suspendedAt = events.findIndex(({ type }) => type === 'MergeSuspended');
  last = events.length - 1;
});

const audited = async (changed: readonly RecordedEvent[], options: AuditOptions = {}): Promise<JobAudit> => {
  const store = new MemoryEventStore();
  await store.append(`merge-${jobId}`, -1, changed);
  const audit = await new AuditJob({ ...ports, store }).audit(jobId, options);
  if (!audit.ok) throw new Error(audit.error.message);
  return audit.value;
};

const problemOf = ({ streams }: JobAudit) => streams[0]?.problem;

/** With sound hashes; what is signed already keeps its signature. */
const resealed = (changed: readonly RecordedEvent[]): readonly RecordedEvent[] =>
  seal(`merge-${jobId}`, emptyHead(`merge-${jobId}`, ports.digests), changed, ports);

const changedAt = (at: number, change: (event: RecordedEvent) => RecordedEvent): readonly RecordedEvent[] =>
  resealed(events.map((event, revision) => (revision === at ? change(event) : event)));

const withoutSignature = (event: RecordedEvent): RecordedEvent => {
  const { signature: _, ...meta } = event.meta;
  return { ...event, meta };
};

const later = (event: RecordedEvent): RecordedEvent => ({ ...event, occurredAt: event.occurredAt + 1 });

describe('the signatures of a job', () => {
  it('are at the ends of its runs, by the key that it was run with', async () => {
    expect(events.filter(({ meta }) => meta.signature !== undefined).map(({ type }) => type)).toEqual([
      'MergeSuspended',
      'MergeCompleted',
    ]);
    const audit = await audited(events, { trustedKeys: [stranger.publicKey, operator.publicKey], mustBeSigned: true });
    expect(audit).toMatchObject({
      isRight: true,
      signature: { state: 'signed', publicKeys: [operator.publicKey], lastSignedRevision: last, problem: null },
    });
  });

  it('cover a run that goes on only up to where the one before it ended', async () => {
    const audit = await audited(events.slice(0, suspendedAt + 3), { mustBeSigned: true });
    expect(audit).toMatchObject({ isRight: true, signature: { state: 'signed', lastSignedRevision: suspendedAt } });
  });

  it('by another key than the expected one are wrong, and both are named', async () => {
    const audit = await audited(events, { trustedKeys: [stranger.publicKey] });
    expect(audit.isRight).toBe(false);
    expect(problemOf(audit)).toEqual({
      revision: suspendedAt,
      what: `MergeSuspended is signed by key ${keyFingerprint(operator.publicKey, ports.digests)}, expected ${keyFingerprint(stranger.publicKey, ports.digests)}`,
    });
    expect(audit.signature).toMatchObject({ state: 'unsigned', publicKeys: [] });
    expect(audit.signature.problem).toContain(`Event ${String(suspendedAt)}`);
  });

  it.each([
    ['the signed event itself', () => changedAt(last, later), () => last],
    ['an event before it', () => changedAt(last - 1, later), () => last],
    ['the very first event', () => changedAt(0, later), () => suspendedAt],
  ])('no longer hold when %s was changed, even when all hashes were made anew', async (_, change, revision) => {
    const audit = await audited(change());
    expect(problemOf(audit)?.revision).toBe(revision());
    expect(problemOf(audit)?.what).toMatch(/signature that is not one of this event/);
  });

  it('of one event are none of another', async () => {
    const { signature } = events[suspendedAt]!.meta;
    const audit = await audited(
      changedAt(last, (event) => ({ ...event, meta: { ...event.meta, signature: signature! } })),
    );
    expect(problemOf(audit)?.what).toMatch(/signature that is not one of this event/);
  });

  it('that name a key which did not sign are wrong', async () => {
    const audit = await audited(
      changedAt(last, (event) => ({
        ...event,
        meta: { ...event.meta, signature: { ...event.meta.signature!, publicKey: stranger.publicKey } },
      })),
    );
    expect(problemOf(audit)?.what).toContain(keyFingerprint(stranger.publicKey, ports.digests));
  });

  it.each([{}, null, 'x', { algorithm: 'none', publicKey: '', value: '' }])('are wrong as %j', (signature) => {
    const rules = new SignatureRules({ trustedKeys: [], mustBeSigned: false }, ports);
    const event = { ...events[last]!, meta: { ...events[last]!.meta, signature: signature as never } };
    expect(rules.problemWith(event)).toMatch(/signature that is none/);
    expect(rules.found.state).toBe('unsigned');
    expect(rules.found.problem).toMatch(/^Event 12, MergeCompleted, has a signature/);
    // A store that keeps texts does not even take it for an event.
    const { stream, revision } = event;
    expect(() => parseEvent(printEvent(event), stream, revision)).toThrow('not a recorded event');
  });
});

describe('an end of a run without signature', () => {
  it('is wrong after one with a signature: it was taken away', async () => {
    const audit = await audited(changedAt(last, withoutSignature));
    expect(problemOf(audit)).toEqual({
      revision: last,
      what: expect.stringMatching(/has no signature, but event \d+ before it has one/) as string,
    });
  });

  it('is right before the first signature: the job is from before signatures, and what follows covers it', async () => {
    const old = resealed(events.slice(0, last).map(withoutSignature));
    const head = { revision: last - 1, hash: old.at(-1)!.hash };
    const [end] = seal(`merge-${jobId}`, head, [{ ...withoutSignature(events[last]!), isSigned: true }], {
      ...ports,
      signer: operator,
    });
    const audit = await audited([...old, end!], { trustedKeys: [operator.publicKey], mustBeSigned: true });
    expect(audit).toMatchObject({
      isRight: true,
      signature: { state: 'signed', lastSignedRevision: last, unsignedEnds: 1 },
    });
  });

  it('is reported where nothing is signed, and wrong there when a signature is expected', async () => {
    const unsigned = resealed(events.map(withoutSignature));
    const signature = { state: 'unsigned', publicKeys: [], lastSignedRevision: null, unsignedEnds: 2 };
    expect(await audited(unsigned, { trustedKeys: [operator.publicKey] })).toMatchObject({ isRight: true, signature });
    const expected = await audited(unsigned, { trustedKeys: [operator.publicKey], mustBeSigned: true });
    expect(expected).toMatchObject({ isRight: false, signature });
    expect(problemOf(expected)?.revision).toBe(suspendedAt);
    expect(expected.signature.problem).toMatch(/nothing after it is signed/);
  });

  it('is not there in a job that has ended no run: nothing is missing', async () => {
    const audit = await audited(events.slice(0, suspendedAt), { mustBeSigned: true });
    expect(audit).toMatchObject({ isRight: true, signature: { state: 'unsigned', unsignedEnds: 0, problem: null } });
  });
});

describe('a head that was kept elsewhere', () => {
  const known =
    (revision: number, hash: string) =>
    (stream: string): { readonly revision: number; readonly hash: string } | null =>
      stream === `merge-${jobId}` ? { revision, hash } : null;

  it('holds as long as the history goes on from it', async () => {
    for (const { revision, hash } of events) {
      const audit = await audited(events, { knownHead: known(revision, hash) });
      expect(audit).toMatchObject({ isRight: true, knownHead: { revision, hash, holds: true, problem: null } });
    }
  });

  it('shows a history that was cut off', async () => {
    const audit = await audited(events.slice(0, -2), { knownHead: known(last, events[last]!.hash) });
    expect(audit).toMatchObject({ isRight: false, knownHead: { holds: false } });
    expect(audit.knownHead?.problem).toMatch(/cut off/);
    expect(problemOf(audit)?.revision).toBe(last - 1);
  });

  it('shows a history that is another', async () => {
    const audit = await audited(events, { knownHead: known(3, events[4]!.hash) });
    expect(problemOf(audit)?.revision).toBe(3);
    expect(audit.knownHead?.problem).toMatch(/rewritten, here or before/);
  });

  it('of the journal that the job was moved from, after the move, is told from a history that is another', async () => {
    const at = events.findIndex(({ type }) => type === 'MergeRecovered' || type === 'MergeResumed');
    const audit = await audited(events, { knownHead: known(at, events[0]!.hash) });
    expect(audit.isRight).toBe(false);
    expect(audit.knownHead?.problem).toMatch(/rewritten, here or before; or the job was moved here/);
    const other = await audited(events, { knownHead: known(at + 1, events[0]!.hash) });
    expect(other.knownHead?.problem).not.toMatch(/moved/);
  });

  it('that was not reached does not hold, and says why', async () => {
    const broken = events.map((event, at) => (at === 2 ? later(event) : event));
    const audit = await audited(broken, { knownHead: known(last, events[last]!.hash) });
    expect(audit.knownHead).toMatchObject({ holds: false, problem: 'The stream is wrong before this event' });
    expect(problemOf(audit)?.revision).toBe(2);
    const [before, after] = [known(1, events[1]!.hash), known(2, events[2]!.hash)];
    expect((await audited(broken, { knownHead: before })).knownHead?.holds).toBe(true);
    expect((await audited(broken, { knownHead: after })).knownHead?.holds).toBe(false);
  });

  it('of a control stream counts as well', async () => {
    const job = await suspendedJob(scratch(), operator);
    const control = `control-${job.jobId}`;
    const head = (await job.ports.store.head(control))!;
    const withHead = async (revision: number): Promise<boolean | null> => {
      const knownHead = (stream: string) => (stream === control ? { ...head, revision } : null);
      const audit = await new AuditJob(job.ports).audit(job.jobId, { knownHead });
      return audit.ok ? audit.value.isRight : null;
    };
    expect([await withHead(head.revision), await withHead(head.revision + 1)]).toEqual([true, false]);
  });
});

describe('an event that nobody can have sealed', () => {
  it('because its text has no UTF-8 is wrong, and the audit goes on to say so', async () => {
    const audit = await audited(events.map((event, at) => (at === 1 ? { ...event, data: { half: '\ud800' } } : event)));
    expect(problemOf(audit)).toEqual({ revision: 1, what: expect.stringMatching(/cannot be hashed/) as string });
  });
});
