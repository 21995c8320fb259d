import { describe, expect, it } from 'vitest';
import { MemoryEventStore } from '#infrastructure/event-store/memory-event-store';
import { JobStream, controlStreamName } from '../jobs/job-stream.js';
import type { MergeRun } from '../merge/merge-run.js';
import type { RunPorts } from '../merge/run-context.js';
import { MergeProgress } from '../progress/merge-progress.js';
import {
  DEFAULT_OPTIONS,
  filesInMemory,
  productPorts,
  recordedEvents,
  resume,
} from '../../properties/product/product.js';
import { smallChain } from '../../properties/product/small-chain.js';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
import { RunMerge } from './run-merge.js';
import { SteerMerge } from './steer-merge.js';

const scratch = scratchFolder(folderInMemory());

/** A merge that is slow enough to be met on its way: a block a second. */
const slowMerge = async (ports: RunPorts): Promise<MergeRun> => {
  const { child, base } = await smallChain(scratch());
  const options = { ...DEFAULT_OPTIONS, rateBytesPerSecond: 512, windowBytes: 512 };
  const answer = await new RunMerge(ports).request(child, base, options, (id) => new MergeProgress(id, ports.clock));
  if (answer.answer !== 'running') throw new Error(`expected a run, found ${answer.answer}`);
  return answer.run;
};

/** A job whose process died: its stream ends without a word, and its locks are gone. */
const deadJob = async (): Promise<{ readonly ports: RunPorts; readonly jobId: string }> => {
  const living = newPorts();
  const run = await slowMerge(living);
  run.stop.ask({ action: 'suspend', by: 'test', why: 'signal' });
  await run.toEnd();
  const { jobId } = run.job;
  const store = new MemoryEventStore();
  await store.append(`merge-${jobId}`, -1, (await recordedEvents(living, jobId)).slice(0, -1));
  return { ports: { ...living, store }, jobId };
};

const newPorts = (): RunPorts => productPorts({ files: filesInMemory() });
const types = async (ports: RunPorts, jobId: string): Promise<readonly string[]> =>
  (await recordedEvents(ports, jobId)).map(({ type }) => type);

describe('a job that runs', () => {
  it.each([
    ['suspend', 'suspended', 'MergeSuspended'],
    ['terminate', 'terminated', 'MergeTerminated'],
  ] as const)('stops at a durable point when another asks it to %s', async (action, outcome, last) => {
    const ports = newPorts();
    const run = await slowMerge(ports);
    const { jobId } = run.job;
    const [ended, steered] = await Promise.all([
      run.toEnd(),
      new SteerMerge(ports).steer(jobId.slice(0, 8), action, 20_000),
    ]);
    expect(ended.outcome).toBe(outcome);
    expect(steered).toMatchObject({ ok: true, value: { jobId, answer: 'done' } });
    expect((await types(ports, jobId)).at(-1)).toBe(last);
    expect(await ports.store.head(controlStreamName(jobId))).toMatchObject({ revision: 0 });
  });

  it('that does not answer in time is told so, and the request stands', async () => {
    const ports = newPorts();
    const run = await slowMerge(ports);
    const steered = await new SteerMerge(ports).steer(run.job.jobId, 'suspend', 0);
    expect(steered).toMatchObject({ ok: true, value: { answer: 'no-answer' } });
    expect(await run.toEnd()).toMatchObject({ outcome: 'suspended', why: 'requested' });
  });
});

describe('a job that nobody runs', () => {
  it('is terminated on the spot, and takes no further event', async () => {
    const { ports, jobId } = await deadJob();
    const steered = await new SteerMerge(ports).steer(jobId, 'terminate', 0);
    expect(steered).toMatchObject({ ok: true, value: { answer: 'done', state: { phase: 'terminated' } } });
    expect((await types(ports, jobId)).at(-1)).toBe('MergeTerminated');
    const again = await new SteerMerge(ports).steer(jobId, 'terminate', 0);
    expect(again).toMatchObject({ ok: false, error: { kind: 'job-state' } });
  });

  it('has nothing to suspend, and can be resumed as it stands', async () => {
    const { ports, jobId } = await deadJob();
    const before = await types(ports, jobId);
    const steered = await new SteerMerge(ports).steer(jobId, 'suspend', 0);
    expect(steered).toMatchObject({ ok: true, value: { answer: 'not-running' } });
    expect(await types(ports, jobId)).toEqual(before);
    expect(await resume(ports, jobId)).toMatchObject({ outcome: { outcome: 'completed' } });
  });

  it('keeps its locks free afterwards', async () => {
    const { ports, jobId } = await deadJob();
    await new SteerMerge(ports).steer(jobId, 'terminate', 0);
    const { state } = await JobStream.open(jobId, ports);
    if (state.phase !== 'terminated') throw new Error(state.phase);
    expect(await ports.locks.lockAll([{ path: state.request.destination, use: 'write' }])).toMatchObject({
      held: true,
    });
  });
});

describe('a job id', () => {
  it.each([
    ['abc', /at least its first 4/],
    ['nothex!!', /no job id/],
    ['0123abcd', /there is no job 0123abcd/],
  ])('that is none (%s) is answered with what one is', async (name, words) => {
    const steered = await new SteerMerge(newPorts()).steer(name, 'suspend', 0);
    expect(steered.ok ? '' : steered.error.message).toMatch(words);
  });

  it('that begins several is answered with all of them', async () => {
    const ports = newPorts();
    const ids = ['aaaa0000-0000-4000-8000-000000000001', 'aaaa0000-0000-4000-8000-000000000002'];
    for (const id of ids) {
      const request = { source: '/s', destination: '/d', options: DEFAULT_OPTIONS };
      const requester = { user: 'u', host: 'h', pid: 1 };
      await JobStream.empty(id, ports).record({ type: 'RequestMerge', request: { ...request, requester } });
    }
    const steered = await new SteerMerge(ports).steer('AAAA', 'suspend', 0);
    expect(steered.ok ? '' : steered.error.message).toContain(ids.join(', '));
  });
});
