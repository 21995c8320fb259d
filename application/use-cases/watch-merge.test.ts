import { lastValueFrom, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { RecordedEvent } from '../journal/recorded-event.js';
import { jobStreamName } from '../jobs/job-stream.js';
import type { RunPorts } from '../merge/run-context.js';
import { MergeProgress } from '../progress/merge-progress.js';
import {
  DEFAULT_OPTIONS,
  filesInMemory,
  merge,
  productPorts,
  recordedEvents,
} from '../../properties/product/product.js';
import { smallChain } from '../../properties/product/small-chain.js';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
import { RunMerge } from './run-merge.js';
import { WatchMerge, type WatchEnd } from './watch-merge.js';

const scratch = scratchFolder(folderInMemory());

const started = async (ports: RunPorts, rateBytesPerSecond: number | null = null) => {
  const { child, base } = await smallChain(scratch());
  const options = { ...DEFAULT_OPTIONS, rateBytesPerSecond, windowBytes: 512 };
  const answer = await new RunMerge(ports).request(child, base, options, (id) => new MergeProgress(id, ports.clock));
  if (answer.answer !== 'running') throw new Error(answer.answer);
  return answer.run;
};

const watched = async (
  events: AsyncGenerator<RecordedEvent, WatchEnd>,
): Promise<{ readonly events: readonly RecordedEvent[]; readonly end: WatchEnd }> => {
  const seen: RecordedEvent[] = [];
  for (;;) {
    const next = await events.next();
    if (next.done === true) return { events: seen, end: next.value };
    seen.push(next.value);
  }
};

describe('a watcher', () => {
  it('sees every event of a job that is running, once and in order, and its end', async () => {
    const ports = productPorts({ files: filesInMemory() });
    const run = await started(ports, 4096);
    const { jobId } = run.job;
    const [{ events, end }] = await Promise.all([watched(new WatchMerge(ports).events(jobId, 0)), run.toEnd()]);
    expect(events).toEqual(await recordedEvents(ports, jobId));
    expect(end.state.phase).toBe('completed');
  });

  it('is let go when the job is suspended, and not by a suspension of long ago', async () => {
    const ports = productPorts({ files: filesInMemory() });
    const run = await started(ports);
    run.stop.ask({ action: 'suspend', by: 'test', why: 'signal' });
    await run.toEnd();
    const { jobId } = run.job;
    const first = await watched(new WatchMerge(ports).events(jobId, 0));
    expect(first.end.state).toMatchObject({ activity: { kind: 'suspended' } });
    const { source, destination } = (first.end.state as { request: { source: string; destination: string } }).request;
    await merge(ports, source, destination);
    expect((await watched(new WatchMerge(ports).events(jobId, 0))).end.state.phase).toBe('completed');
  });

  it('is let go when the process is gone without a word', async () => {
    const ports = productPorts({ files: filesInMemory() });
    const run = await started(ports);
    const host = { ...ports.host, pid: 1, isRunning: () => false };
    const { end } = await watched(new WatchMerge({ ...ports, host }).events(run.job.jobId, 0));
    expect(end.runner.presence).toBe('gone');
    await run.toEnd();
  });

  it('as an Observable gets ticks between the events, whose committed bytes are those of the journal', async () => {
    const ports = productPorts({ files: filesInMemory() });
    const run = await started(ports);
    await run.toEnd();
    const all = await lastValueFrom(new WatchMerge(ports).watch(run.job.jobId).pipe(toArray()));
    const events = all.filter((one) => one.type !== 'progress');
    expect(events).toEqual(await recordedEvents(ports, run.job.jobId));
    const ticks = all.filter((one) => one.type === 'progress');
    expect(ticks.map((tick) => ('committedBytes' in tick ? tick.committedBytes : -1))).toEqual([
      0, 0, 512, 1024, 1536, 2048, 2048, 2048, 2048,
    ]);
    expect(ticks.at(-1)).toMatchObject({ percent: 100, stage: 'ended' });
  });

  it('that unsubscribes stops watching, and nothing else', async () => {
    const ports = productPorts({ files: filesInMemory() });
    const run = await started(ports, 8192);
    const subscription = new WatchMerge(ports).watch(run.job.jobId).subscribe();
    subscription.unsubscribe();
    expect((await run.toEnd()).outcome).toBe('completed');
    expect((await ports.store.head(jobStreamName(run.job.jobId)))?.revision).toBeGreaterThan(5);
  });
});
