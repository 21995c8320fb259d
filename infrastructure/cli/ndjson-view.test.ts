import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { emptyHead, seal, type RecordedEvent } from '#application/journal/recorded-event';
import { jobStreamName, metaFor } from '#application/jobs/job-stream';
import { MergeProgress } from '#application/progress/merge-progress';
import { productPorts } from '../../properties/product/product.js';
import { NdjsonView } from './ndjson-view.js';
import { LineWriter } from './terminal.js';

const JOB = '3f2a0000-0000-4000-8000-000000000000';

/** A journal with as many events of one job as asked for; what they say does not matter here. */
const journal = async (count: number) => {
  const ports = productPorts();
  const { store, digests, host, clock } = ports;
  const stream = jobStreamName(JOB);
  const unsealed = Array.from({ length: count }, (_, at) => ({
    type: 'BlockMerged',
    v: 1,
    occurredAt: at,
    meta: metaFor(JOB, host, 1),
    data: { at, text: '\u009b31m'.repeat(20) },
  }));
  await store.append(stream, -1, seal(stream, emptyHead(stream, digests), unsealed, ports));
  return { store, progress: new MergeProgress(JOB, clock) };
};

const parsed = (text: string): { readonly type: string; readonly revision?: number }[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as RecordedEvent);

describe('--json', () => {
  it('gives a slow reader every event in order, few ticks, the last one behind all events, and holds nothing for him', async () => {
    const { store, progress } = await journal(400);
    const out = new PassThrough({ highWaterMark: 1024 });
    const view = new NdjsonView(new LineWriter(out), store);
    view.begin({ jobId: JOB, state: { phase: 'unrequested' }, firstRevision: 0, progress });
    progress.begin({ blocks: 400, bytes: 400 }, { blocks: 0, bytes: 0, nextBlock: 0 });
    progress.stage('merging');
    for (let at = 0; at < 400; at++) progress.copied(1);
    await delay(600);
    // The run is over long before the reader is: only his own buffer is full.
    expect(out.writableLength).toBeLessThan(16 * 1024);
    let text = '';
    const ended = view.end(399, null);
    const reading = (async () => {
      for await (const chunk of out) text += String(chunk);
    })();
    await ended;
    out.end();
    await reading;
    const lines = parsed(text);
    const events = lines.filter(({ type }) => type === 'BlockMerged');
    expect(events.map(({ revision }) => revision)).toEqual(Array.from({ length: 400 }, (_, at) => at));
    expect(lines.at(-1)).toMatchObject({ type: 'progress', copiedBytes: 400, committedBytes: 0 });
    expect(lines.length - events.length).toBeLessThanOrEqual(4);
    expect(text).not.toContain('\u009b');
  });

  it('begins with the first event of this run', async () => {
    const { store, progress } = await journal(10);
    const out = new PassThrough();
    const view = new NdjsonView(new LineWriter(out), store);
    view.begin({ jobId: JOB, state: { phase: 'unrequested' }, firstRevision: 7, progress });
    await view.end(9, null);
    out.end();
    expect(parsed(String(out.read())).map(({ revision }) => revision)).toEqual([7, 8, 9, undefined]);
  });
});
