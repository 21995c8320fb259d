import { beforeAll, describe, expect, it } from 'vitest';
import { MemoryEventStore } from '#infrastructure/event-store/memory-event-store';
import { Ed25519Signer, newPrivateKeyPem } from '#infrastructure/platform/ed25519-signer';
import { sealed, unsealed } from '../../properties/product/recorded-events.js';
import { recordedEvents } from '../../properties/product/product.js';
import { recoveredJob, refusedJob, trailOf, type SignedJob } from '../../properties/product/signed-jobs.js';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
import { emptyHead, seal } from '../journal/recorded-event.js';
import { trailLines } from '../journal/trail.js';
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

  it('names both keys when whoever exported it is not who was expected', async () => {
    const ports = { ...completed.ports, signer: exporter };
    const trail = (await trailOf(ports, completed.jobId)).toString('utf8').trimEnd().split('\n');
    const audit = await audited(trail, { trustedKeys: [operator.publicKey] });
    expect(audit.isRight).toBe(false);
    for (const { publicKey } of [operator, exporter])
      expect(audit.problem).toContain(keyFingerprint(publicKey, ports.digests));
    const both = { trustedKeys: [operator.publicKey, exporter.publicKey], mustBeSigned: true };
    expect((await audited(trail, both)).isRight).toBe(true);
  });

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
