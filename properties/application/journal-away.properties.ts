import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { AuditJob } from '#application/use-cases/audit-job';
import { RunMerge } from '#application/use-cases/run-merge';
import { MergeProgress } from '#application/progress/merge-progress';
import { NodeClock } from '#infrastructure/platform/node-clock';
import { guestBytes, openChain } from '../models/plain-vhd.js';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { DEFAULT_OPTIONS, filesInMemory, merge, productPorts, recordedEvents } from '../product/product.js';
import { smallChain } from '../product/small-chain.js';
import { DepartingStore, type Departure } from '../simulation/departing-store.js';

/** Time stands still, so that every merge makes the same calls, and a pause is none: how long it is is another test's matter. */
const hurried = () => Object.assign(new NodeClock(), { sleep: async () => undefined, monotonic: () => 0 });

/** Each block is a window of its own: the child has one sector in it. */
const OPTIONS = { windowBytes: 512 };

describe('a merge whose journal goes away', () => {
  const scratch = scratchFolder(folderInMemory());

  const merged = async (departure: Departure | null) => {
    const chain = await smallChain(scratch());
    const store = new DepartingStore(departure);
    const ports = { ...productPorts({ files: filesInMemory(), store }), clock: hurried() };
    const states: string[] = [];
    store.whileAway = () => states.push(readFileSync(chain.base).toString('hex'));
    const ran = await merge(ports, chain.child, chain.base, OPTIONS);
    return { chain, store, ports, ran, states };
  };

  test('waits at any of its calls, writes nothing meanwhile, and completes as if nothing had been', async () => {
    const { store: undisturbed } = await merged(null);
    expect(undisturbed.calls).toBeGreaterThan(15);
    for (let atCall = 0; atCall < undisturbed.calls; atCall += 1) {
      for (const commitsFirst of [false, true]) {
        const { chain, ports, ran, states } = await merged({ atCall, calls: 3, commitsFirst });
        expect(ran).toMatchObject({ answer: 'ran', outcome: { outcome: 'completed' } });
        const { jobId } = ran as { jobId: string };
        expect(guestBytes(openChain([chain.base]))).toEqual(chain.shown);
        expect([states.length, new Set(states).size]).toEqual([3, 1]);
        const audited = await new AuditJob(ports).audit(jobId, { withData: true });
        expect(audited).toMatchObject({ ok: true, value: { isRight: true } });
        const outages = (await recordedEvents(ports, jobId)).filter(({ type }) => type === 'JournalOutageEnded');
        // What the last append had to wait for stands in no event: the job is over with it.
        expect(outages.length).toBe(atCall === undisturbed.calls - 1 ? 0 : 1);
      }
    }
  });

  test('asked to stop meanwhile, stops at once and without a word in the journal; the next run goes on', async () => {
    const chain = await smallChain(scratch());
    const store = new DepartingStore({ atCall: 9, calls: 1_000_000, commitsFirst: false });
    const ports = productPorts({ files: filesInMemory(), store });
    const answer = await new RunMerge(ports).request(
      chain.child,
      chain.base,
      { ...DEFAULT_OPTIONS, ...OPTIONS },
      (jobId) => new MergeProgress(jobId, ports.clock),
    );
    if (answer.answer !== 'running') throw new Error(`expected a run, found ${answer.answer}`);
    const { run } = answer;
    store.whileAway = () => run.stop.ask({ action: 'suspend', by: 'me', why: 'signal' });
    expect(await run.toEnd()).toMatchObject({
      outcome: 'suspended',
      why: 'journal-unreachable',
      recorded: false,
      error: { kind: 'journal-failed' },
    });
    expect(guestBytes(openChain([chain.child, chain.base]))).toEqual(chain.shown);
    store.calls = 2_000_000;
    expect(await merge(ports, chain.child, chain.base)).toMatchObject({ outcome: { outcome: 'completed' } });
    expect(guestBytes(openChain([chain.base]))).toEqual(chain.shown);
    const types = (await recordedEvents(ports, run.job.jobId)).map(({ type }) => type);
    expect(types).toContain('MergeRecovered');
    expect(await new AuditJob(ports).audit(run.job.jobId, { withData: true })).toMatchObject({
      value: { isRight: true },
    });
  });

  test('longer than it may, is stopped at a durable point', async () => {
    const chain = await smallChain(scratch());
    const store = new DepartingStore({ atCall: 12, calls: 1_000_000, commitsFirst: false });
    const ports = productPorts({ files: filesInMemory(), store });
    const answer = await new RunMerge(ports, 50).request(
      chain.child,
      chain.base,
      { ...DEFAULT_OPTIONS, ...OPTIONS },
      (jobId) => new MergeProgress(jobId, ports.clock),
    );
    if (answer.answer !== 'running') throw new Error(`expected a run, found ${answer.answer}`);
    expect(await answer.run.toEnd()).toMatchObject({ outcome: 'suspended', why: 'journal-unreachable' });
  });
});
