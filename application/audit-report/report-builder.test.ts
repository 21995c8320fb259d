import { describe, expect, it } from 'vitest';
import { NodeClock } from '#infrastructure/platform/node-clock';
import { auditOf, jobOf, journalOf, recordedStory } from '../../properties/infrastructure/audit-report-files.js';
import { JobStream } from '../jobs/job-stream.js';
import { reportOfAudit } from '../use-cases/audit-report.js';
import type { AuditReport } from './report.js';

const MADE = { journal: 'memory:', publicKey: Buffer.alloc(32).toString('base64') };

const reportOn = async (story: string): Promise<AuditReport> => {
  const job = await recordedStory(story);
  return (await reportOfAudit(await auditOf(job), MADE, { ...job.ports, clock: new NodeClock() })).report;
};

const runsOf = ({ runs }: AuditReport) =>
  runs.first.map(({ epoch, began, ended, by, endedBy, endedWhy }) => ({ epoch, began, ended, by, endedBy, endedWhy }));

const NOBODY = { by: null, endedBy: null, endedWhy: null };

describe('the report of a job', () => {
  it('that was killed and recovered tells of each run, what was found and what was done again at most', async () => {
    const report = await reportOn('killed-and-recovered');
    expect(runsOf(report)).toEqual([
      { ...NOBODY, epoch: 1, began: 'requested', ended: 'without-a-word' },
      { ...NOBODY, epoch: 2, began: 'recovered', ended: 'without-a-word' },
      { ...NOBODY, epoch: 3, began: 'recovered', ended: 'completed' },
    ]);
    expect(report.interruptions).toBe(2);
    const [killed, recovered, last] = report.runs.first;
    expect(recovered?.recovery).toMatchObject({ blocks: killed?.blocks, bytes: killed?.bytes, destinationFound: true });
    expect(recovered?.recovery?.redoBytesAtMost).toBeGreaterThan(0);
    expect(report.outcome).toMatchObject({ kind: 'completed' });
    expect(report.committed).toEqual({ blocks: report.chain?.blocks, bytes: report.chain?.bytes });
    expect((killed?.blocks ?? 0) + (recovered?.blocks ?? 0) + (last?.blocks ?? 0)).toBe(report.committed.blocks);
  });

  it('that was killed and never seen again has a run without an end', async () => {
    const report = await reportOn('killed');
    expect(runsOf(report)).toEqual([{ ...NOBODY, epoch: 1, began: 'requested', ended: 'not-ended' }]);
    expect(report).toMatchObject({ outcome: { kind: 'unfinished' }, interruptions: 0, verification: null });
  });

  it('that was suspended and resumed tells by whom, why, and who asked', async () => {
    const report = await reportOn('suspended-and-resumed');
    expect(runsOf(report)).toEqual([
      { ...NOBODY, epoch: 1, began: 'requested', ended: 'suspended', endedBy: 'operator', endedWhy: 'requested' },
      { ...NOBODY, epoch: 2, began: 'resumed', ended: 'completed', by: 'operator' },
    ]);
    expect(report.controlRequests).toMatchObject({ count: 1, first: [{ what: 'suspend', by: 'operator', pid: 4002 }] });
  });

  it('that was terminated by its own run ends with it', async () => {
    const report = await reportOn('terminated');
    expect(report.runs.first).toMatchObject([{ ended: 'terminated', endedBy: 'operator' }]);
    expect(report.outcome).toMatchObject({ kind: 'terminated', by: 'operator', detail: 'requested' });
  });

  it('that failed, was refused or ran out of space says why', async () => {
    for (const [story, ended] of [
      ['failed-and-completed', 'failed'],
      ['failed-for-good', 'failed-for-good'],
      ['refused', 'refused'],
      ['out-of-space', 'suspended'],
    ] as const) {
      const [run] = (await reportOn(story)).runs.first;
      expect(run?.ended).toBe(ended);
      expect(run?.endedWhy).not.toBe(null);
    }
    expect((await reportOn('out-of-space')).runs.first[0]?.missingBytes).toBeGreaterThan(0);
  });

  it('that was moved names the other journal, and its run had no end of its own', async () => {
    const report = await reportOn('moved');
    expect(report.outcome.kind).toBe('moved');
    expect(report.outcome.detail).not.toBe(null);
    expect(report.runs.first).toMatchObject([{ ended: 'without-a-word' }]);
  });

  it('tells of outages, repairs, children and retired sources', async () => {
    expect((await reportOn('journal-away')).outages).toMatchObject({ count: 1, first: [{ epoch: 1 }] });
    const repaired = await reportOn('block-repaired');
    expect(repaired.repairs).toMatchObject({ count: 1, first: [{ epoch: 1, block: 7 }] });
    expect(repaired.blocks.first.filter(({ repair }) => repair)).toHaveLength(1);
    // The verification after the repair, not the one before it.
    expect(repaired.verification?.at).toBeGreaterThan(repaired.repairs.first[0]!.at);
    expect((await reportOn('vhdx-child-reparented')).children).toMatchObject([{ step: 'done' }]);
    expect((await reportOn('sources-deleted')).retired).toMatchObject([
      { action: 'delete', step: 'done', target: null },
      { action: 'delete', step: 'done', target: null },
    ]);
  });

  it('that was terminated by somebody else after its run had died tells of both', async () => {
    const { ports, jobId } = await recordedStory('killed');
    const host = { ...ports.host, pid: 9999 };
    await (await JobStream.open(jobId, { ...ports, host })).record({ type: 'TerminateMerge', by: 'other', why: 'old' });
    const { report } = await reportOfAudit(await auditOf({ ports, jobId }), MADE, ports);
    expect(report.runs.first).toMatchObject([{ ended: 'without-a-word', endedBy: null }]);
    expect(report.outcome).toMatchObject({ kind: 'terminated', by: 'other', detail: 'old' });
  });

  it('does not take the destination before a repair for the one after it', async () => {
    const job = await recordedStory('block-repaired');
    const events = (await journalOf(job)).filter(({ stream }) => stream.startsWith('merge-'));
    const repair = events.findIndex(({ data }) => (data as { readonly repair?: boolean }).repair === true);
    const cut = await jobOf(events.slice(0, repair + 1));
    const { report } = await reportOfAudit(await auditOf(cut), MADE, cut.ports);
    expect(report).toMatchObject({ verdict: { isRight: true }, destinationAfter: null });
  });

  it('gives the destination before and after, as it was finalized last', async () => {
    const { chain, destinationAfter } = await reportOn('vhdx');
    const before = chain?.images.find(({ role }) => role === 'destination');
    expect(before?.identity).not.toBe(destinationAfter?.identity);
    expect(chain?.images[0]?.role).toBe('source');
  });

  it('with no right event at all is a report nevertheless', async () => {
    const job = await recordedStory('vhd');
    const first = (await job.ports.store.readLast(`merge-${job.jobId}`, 'MergeRequested'))!;
    const forged = await jobOf([{ ...first, hash: first.prevHash }]);
    const { report } = await reportOfAudit(await auditOf(forged), MADE, forged.ports);
    expect(report).toMatchObject({
      verdict: { isRight: false },
      request: null,
      chain: null,
      outcome: { kind: 'none' },
    });
    expect(report.streams).toEqual([]);
  });
});
