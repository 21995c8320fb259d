import { beforeAll, describe, expect, it } from 'vitest';
import { MemoryEventStore } from '#infrastructure/event-store/memory-event-store';
import { Ed25519Signer, newPrivateKeyPem } from '#infrastructure/platform/ed25519-signer';
import { sealed, unsealed } from '../../properties/product/recorded-events.js';
import { recordedEvents } from '../../properties/product/product.js';
import { recoveredJob, refusedJob, trailOf, type SignedJob } from '../../properties/product/signed-jobs.js';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
import { emptyHead, seal, type RecordedEvent } from '../journal/recorded-event.js';
import { trailLines } from '../journal/trail.js';
import type { HeadSigner } from '../ports/head-signer.js';
import { keyFingerprint } from './audit-fingerprint.js';
import { AuditJob, type AuditOptions, type TrailAudit } from './audit-job.js';

const scratch = scratchFolder(folderInMemory());
const [operator, exporter] = [new Ed25519Signer(newPrivateKeyPem()), new Ed25519Signer(newPrivateKeyPem())];
let completed: SignedJob;
let refused: SignedJob;
/** Both jobs, as lines without their ends. */
let lines: readonly string[];

beforeAll(async () => {
  completed = await recoveredJob(scratch(), operator);
  refused = await refusedJob(scratch(), operator);
  await completed.ports.store.append(`merge-${refused.jobId}`, -1, await recordedEvents(refused.ports, refused.jobId));
  lines = await linesOfJobs(completed.jobId, refused.jobId);
});

const linesOfJobs = async (...jobIds: readonly string[]): Promise<readonly string[]> =>
  (await trailOf(completed.ports, ...jobIds)).toString('utf8').trimEnd().split('\n');

const linesBy = async (signer: HeadSigner, jobId: string): Promise<readonly string[]> =>
  (await trailOf({ ...completed.ports, signer }, jobId)).toString('utf8').trimEnd().split('\n');

const linesOf = async (
  stream: string,
  events: readonly RecordedEvent[],
  signer: HeadSigner,
): Promise<readonly string[]> => {
  const store = new MemoryEventStore();
  await store.append(stream, -1, events);
  const lines: string[] = [];
  for await (const line of trailLines([stream], { ...completed.ports, store, signer }, 'memory:')) lines.push(line);
  return lines;
};

const audited = async (
  given: readonly string[],
  options: AuditOptions & { readonly job?: string } = {},
): Promise<TrailAudit> => {
  const again = async function* () {
    yield* given;
  };
  // The journal of an audit of a file is empty: everything comes from the file.
  const ports = { ...completed.ports, store: new MemoryEventStore() };
  return await new AuditJob(ports).auditTrail(again, options);
};

describe('the audit of a trail', () => {
  it('judges every job in it, without a journal', async () => {
    const audit = await audited(lines);
    expect(audit).toMatchObject({ isRight: true, problem: null, end: { streams: 3, events: 16 } });
    expect(audit.jobs.map(({ jobId, isRight }) => [jobId, isRight])).toEqual([
      [completed.jobId, true],
      [refused.jobId, true],
    ]);
    expect(audit.jobs[0]?.streams.map(({ events }) => events)).toEqual([13, 1]);
  });

  it('says of each job what the audit of the journal says', async () => {
    for (const [index, { jobId }] of [completed, refused].entries()) {
      const journal = await new AuditJob(completed.ports).audit(jobId);
      expect({ ok: true, value: (await audited(lines)).jobs[index] }).toEqual(journal);
    }
  });

  it('of one job judges that one, by the first characters of its id', async () => {
    const audit = await audited(lines, { job: refused.jobId.slice(0, 8).toUpperCase() });
    expect(audit.isRight).toBe(true);
    expect(audit.jobs.map(({ jobId }) => jobId)).toEqual([refused.jobId]);
  });

  it.each([
    ['that is not in it', () => 'ffffffff-0000', /holds no job/],
    ['that could be two', () => '', /Several jobs/],
  ])('of one job %s is not right', async (_, job, problem) => {
    const audit = await audited(lines, { job: job() });
    expect(audit.isRight).toBe(false);
    expect(audit.problem).toMatch(problem);
  });

  it('without any job is not right', async () => {
    const audit = await audited(await linesOfJobs());
    expect(audit).toMatchObject({ isRight: false, problem: 'The file holds no job' });
  });

  it('with a stream of something else is not right', async () => {
    const store = new MemoryEventStore();
    await store.append('other-1', -1, sealed('other-1', [unsealed({})]));
    const other: string[] = [];
    for await (const line of trailLines(['other-1'], { ...completed.ports, store }, 'memory:')) other.push(line);
    expect((await audited(other)).problem).toMatch(/not of a job: other-1/);
  });

  it('proves nothing of a file that is not whole', async () => {
    const audit = await audited(lines.slice(0, -1));
    expect(audit).toMatchObject({ isRight: false, jobs: [], end: null });
    expect(audit.problem).toMatch(/cut off/);
  });

  it('is right when somebody else has exported it than who was expected to sign the job', async () => {
    const trail = await linesBy(exporter, completed.jobId);
    const audit = await audited(trail, { trustedKeys: [operator.publicKey], mustBeSigned: true });
    expect(audit).toMatchObject({ isRight: true, end: { signature: { publicKey: exporter.publicKey } } });
  });

  it('names both keys when a job has no signature but that of the file, and that is not the expected one', async () => {
    const begun = (await recordedEvents(completed.ports, completed.jobId)).slice(0, 3);
    const trail = await linesOf(`merge-${completed.jobId}`, begun, exporter);
    const audit = await audited(trail, { trustedKeys: [operator.publicKey] });
    expect(audit).toMatchObject({ isRight: false, jobs: [] });
    for (const { publicKey } of [operator, exporter])
      expect(audit.problem).toContain(keyFingerprint(publicKey, completed.ports.digests));
    expect((await audited(trail, { trustedKeys: [exporter.publicKey] })).isRight).toBe(true);
    expect((await audited(trail)).isRight).toBe(true);
  });

  it('of requests to a job, without the job, is not right', async () => {
    const control = `control-${completed.jobId}`;
    const events: RecordedEvent[] = [];
    for await (const event of completed.ports.store.read(control)) events.push(event);
    expect(events.length).toBeGreaterThan(0);
    const audit = await audited(await linesOf(control, events, operator));
    expect(audit).toMatchObject({ isRight: false, jobs: [] });
    expect(audit.problem).toContain(`requests to job ${completed.jobId}, and not the job itself`);
  });

  it.each(['merge-x', 'control-', 'merge-71764DFE-f0ea-4b52-ae6b-522c13c15636'])(
    'with a stream called %s is not right',
    async (stream) => {
      const audit = await audited(await linesOf(stream, sealed(stream, [unsealed({})]), operator));
      expect(audit.problem).toContain(`not of a job: ${stream}`);
    },
  );

  it('finds in a file that is sound a job that is not', async () => {
    const stream = `merge-${completed.jobId}`;
    const { digests } = completed.ports;
    const events = (await recordedEvents(completed.ports, completed.jobId)).filter(
      ({ type }) => type !== 'MergeVerified',
    );
    const store = new MemoryEventStore();
    await store.append(stream, -1, seal(stream, emptyHead(stream, digests), events, completed.ports));
    const trail = (await trailOf({ ...completed.ports, store }, completed.jobId))
      .toString('utf8')
      .trimEnd()
      .split('\n');
    const audit = await audited(trail);
    expect(audit).toMatchObject({ isRight: false, problem: null });
    expect(audit.jobs[0]?.isRight).toBe(false);
  });

  it('with the data compares every block with the destination, and nothing of a job that wrote none', async () => {
    const audit = await audited(lines, { withData: true, job: completed.jobId });
    expect(audit).toMatchObject({ isRight: true, jobs: [{ data: { blocks: 4, differing: [], unreadable: null } }] });
  });

  it('refuses to compare the data with a file that changed under it', async () => {
    const [other] = [await linesOfJobs(refused.jobId)];
    let times = 0;
    const changing = async function* () {
      times += 1;
      yield* times === 1 ? lines : other;
    };
    const audit = new AuditJob(completed.ports).auditTrail(changing, { withData: true, job: completed.jobId });
    await expect(audit).rejects.toThrow('changed while it was audited');
  });

  it('knows a head of each job', async () => {
    const heads = new Map([[`merge-${refused.jobId}`, { revision: 1, hash: 'another' }]]);
    const audit = await audited(lines, { knownHead: (stream) => heads.get(stream) ?? null });
    expect(audit.isRight).toBe(false);
    expect(audit.jobs.map(({ knownHead }) => knownHead?.holds)).toEqual([undefined, false]);
  });
});
