import { describe, expect, it } from 'vitest';
import type { RunPorts } from '../merge/run-context.js';
import { MergeProgress } from '../progress/merge-progress.js';
import { DEFAULT_OPTIONS, filesInMemory, merge, productPorts } from '../../properties/product/product.js';
import { smallChain } from '../../properties/product/small-chain.js';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
import { ListJobs } from './list-jobs.js';
import { RunMerge } from './run-merge.js';

const scratch = scratchFolder(folderInMemory());

describe('the jobs of a journal', () => {
  it('are listed with CIM states, the newest request last', async () => {
    const ports = productPorts({ files: filesInMemory() });
    const first = await smallChain(scratch());
    await merge(ports, first.child, first.base);
    await merge(ports, first.base, first.child);
    const jobs = await new ListJobs(ports).all();
    expect(jobs).toMatchObject([
      { source: first.child, jobState: { number: 7 }, percent: 100, committed: { blocks: 4 }, error: null },
      { source: first.base, jobState: { number: 10 }, phase: 'refused', error: { kind: 'not-differencing' } },
    ]);
  });

  it.each([
    ['this very process', (ports: RunPorts) => ports, 'at-work'],
    ['a process that is gone', (ports: RunPorts) => withHost(ports, { pid: 1, isRunning: () => false }), 'gone'],
    [
      'a process id that went to another program',
      (ports: RunPorts) => withHost(ports, { pid: 1, isRunning: () => true }),
      'gone',
    ],
    ['another host', (ports: RunPorts) => withHost(ports, { name: 'elsewhere' }), 'elsewhere'],
  ])('tell who is at a job that says it is running: %s', async (_, as, presence) => {
    const ports = productPorts({ files: filesInMemory() });
    const { child, base } = await smallChain(scratch());
    const answer = await new RunMerge(ports).request(
      child,
      base,
      DEFAULT_OPTIONS,
      (id) => new MergeProgress(id, ports.clock),
    );
    if (answer.answer !== 'running') throw new Error(answer.answer);
    const [job] = await new ListJobs(as(ports)).all();
    expect(job?.runner.presence).toBe(presence);
    await answer.run.toEnd();
  });

  it('tell their story without the blocks', async () => {
    const ports = productPorts({ files: filesInMemory() });
    const { child, base } = await smallChain(scratch());
    const merged = await merge(ports, child, base);
    if (merged.answer !== 'ran') throw new Error(merged.answer);
    const job = await new ListJobs(ports).one(merged.jobId.slice(0, 6));
    if (!job.ok) throw new Error(job.error.message);
    expect(job.value.history.map(({ event }) => event.type)).toEqual([
      'MergeRequested',
      'ChainAccepted',
      'MergeStarted',
      'DestinationFinalized',
      'MergeVerified',
      'MergeCompleted',
    ]);
  });
});

const withHost = (ports: RunPorts, other: Partial<RunPorts['host']>): RunPorts => ({
  ...ports,
  host: { ...ports.host, ...other },
});
