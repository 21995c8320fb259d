import { describe, expect, test } from 'vitest';
import { foldWholeStream, readJobState } from '#application/jobs/read-job-state';
import { printEvent } from '#application/journal/event-text';
import { brokenLink, emptyHead, seal, type RecordedEvent } from '#application/journal/recorded-event';
import type { RunPorts } from '#application/merge/run-context';
import { UnreadableEvent } from '#application/ports/event-codec';
import { AuditJob, type JobAudit } from '#application/use-cases/audit-job';
import { ListJobs } from '#application/use-cases/list-jobs';
import type { ControlRequest } from '../../domain/merge-job/control.js';
import type { MergeJobEvent } from '../../domain/merge-job/events.js';
import { eventLine } from '#infrastructure/cli/event-line';
import { detailsJson, detailsText } from '#infrastructure/cli/job-text';
import { printableJson, printableJsonText } from '#infrastructure/cli/printable';
import { EventJson } from '#infrastructure/event-store/event-json';
import { VERSIONS } from '#infrastructure/event-store/event-schemas';
import { UPCASTERS } from '#infrastructure/event-store/upcasters';
import { productPorts } from '../product/product.js';
import { journalWith, recordedVersions, recordingsOf, type Recording } from '../stories/recordings.js';

/** What past versions have recorded is read for ever. docs/decisions/0014-events-have-versions.md */

const RECORDINGS = recordedVersions().flatMap(recordingsOf);
const codec = new EventJson();
const KIB = 1024;

const portsWith = async (...streams: readonly (readonly RecordedEvent[])[]): Promise<RunPorts> =>
  productPorts({ store: await journalWith(...streams) });

const decoded = (event: RecordedEvent): MergeJobEvent | ControlRequest =>
  event.stream.startsWith('control-') ? codec.decodeControlRequest(event) : codec.decodeJobEvent(event);

const audited = async (ports: RunPorts, jobId: string): Promise<JobAudit> => {
  const audit = await new AuditJob(ports).audit(jobId);
  if (!audit.ok) throw new Error(audit.error.message);
  return audit.value;
};

/** Nothing that moves a cursor, hides or turns text. */
const PLAIN_LINE = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+$/u;

describe('the recorded streams', () => {
  test('are there, with every type of event among them', () => {
    const types = new Set(RECORDINGS.flatMap(({ merge, control }) => [...merge, ...control].map(({ type }) => type)));
    expect([...types].sort()).toEqual(Object.keys(VERSIONS).sort());
  });

  test.each(recordedVersions())('of %s are small enough to be kept for ever', (version) => {
    const sizes = recordingsOf(version).map(({ sizeBytes }) => sizeBytes);
    expect(Math.max(...sizes)).toBeLessThan(60 * KIB);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(256 * KIB);
  });

  test('have jobs of their own, each', () => {
    const jobs = RECORDINGS.map(({ title, jobId }) => `${title.split('/')[0]!} ${jobId}`);
    expect(new Set(jobs).size).toBe(jobs.length);
  });
});

describe.each(RECORDINGS.map((recording) => [recording.title, recording] as const))('%s', (_title, recording) => {
  const { jobId, lines, merge, control } = recording;

  test('is printed as it was, to the byte', () => {
    expect([...merge, ...control].map(printEvent)).toEqual(lines);
  });

  test('has its hash chain, its ids and its last event', () => {
    const ports = productPorts();
    for (const [events, last] of [
      [merge, recording.mergeHead],
      [control, recording.controlHead],
    ] as const) {
      if (events[0] === undefined) {
        expect(last).toBeNull();
        continue;
      }
      const { stream } = events[0];
      let head = emptyHead(stream, ports.digests);
      for (const event of events) {
        expect(brokenLink(event, stream, head, ports.digests)).toBeNull();
        expect(seal(stream, head, [event], ports)).toEqual([event]);
        head = { revision: event.revision, hash: event.hash };
      }
      expect(head.hash).toBe(last);
    }
  });

  test('is read event by event, and nothing of them is lost', () => {
    for (const event of [...merge, ...control]) {
      const again = codec.encode(decoded(event));
      // An event of an older version is written in today's, which must mean the same.
      if (event.v === VERSIONS[again.type as keyof typeof VERSIONS])
        expect(again).toEqual({ type: event.type, v: event.v, data: event.data });
      else expect(decoded({ ...event, ...again })).toEqual(decoded(event));
    }
  });

  test(`is a job that is ${recording.phase}, by all of its events and without its blocks`, async () => {
    const ports = await portsWith(merge, control);
    const whole = await foldWholeStream(`merge-${jobId}`, ports);
    expect(whole.state.phase).toBe(recording.phase);
    const { state, head } = await readJobState(`merge-${jobId}`, ports);
    expect({ state, head }).toEqual({ state: whole.state, head: whole.head });
  });

  test('is right to the audit, and signed where it is signed', async () => {
    const audit = await audited(await portsWith(merge, control), jobId);
    expect(audit.streams.map(({ problem }) => problem)).toEqual([null, null]);
    expect(audit.isRight).toBe(true);
    const hasSignatures = merge.some(({ meta }) => meta.signature !== undefined);
    expect(audit.signature).toMatchObject({ state: hasSignatures ? 'signed' : 'unsigned', problem: null });
  });

  test('can be shown: as lines, as a job, as JSON', async () => {
    const ports = await portsWith(merge, control);
    for (const event of merge) {
      expect(eventLine(codec.decodeJobEvent(event))).toMatch(PLAIN_LINE);
      const json = printableJsonText(printEvent(event));
      expect(json).toMatch(PLAIN_LINE);
      expect(JSON.parse(json)).toEqual(event);
    }
    const job = await new ListJobs(ports).one(jobId);
    if (!job.ok) throw new Error(job.error.message);
    const text = detailsText(job.value, undefined);
    for (const line of text) if (line !== '') expect(line).toMatch(PLAIN_LINE);
    expect(text.join('\n')).toContain(jobId);
    expect(JSON.parse(printableJson(detailsJson(job.value)))).toMatchObject({ jobId, phase: recording.phase });
  });
});

const recordingOf = (title: string): Recording => {
  const found = RECORDINGS.find((recording) => recording.title === title);
  if (found === undefined) throw new Error(`there is no recording ${title}`);
  return found;
};

/** Where heads are not signed the hash chain has to find everything alone. */
describe.each([
  ['0.1.0-unsigned/suspended-and-resumed', 'unsigned'],
  ['0.1.0/suspended-and-resumed', 'signed'],
])('the recorded stream %s', (title, signed) => {
  const { jobId, merge: whole, control } = recordingOf(title);
  const stream = `merge-${jobId}`;
  const at = whole.findIndex(({ type }) => type === 'MergeSuspended');
  /** As it was before the job went on: with a block after it a reader of the state alone would not look at it. */
  const merge = whole.slice(0, at + 1);
  const suspended = merge[at]!;
  const changedTo = (event: RecordedEvent): readonly RecordedEvent[] => merge.with(at, event);

  test('with a type that is unknown here fails every reader, at that event', async () => {
    const ports = await portsWith(changedTo({ ...suspended, type: 'MergePaused' }), control);
    for (const read of [readJobState, foldWholeStream]) {
      await expect(read(stream, ports)).rejects.toThrow(UnreadableEvent);
      await expect(read(stream, ports)).rejects.toThrow('no event of a merge job is called MergePaused');
    }
    await expect(new ListJobs(ports).all()).rejects.toThrow(UnreadableEvent);
    const audit = await audited(ports, jobId);
    expect(audit.isRight).toBe(false);
    expect(audit.streams[0]?.problem?.revision).toBe(at);
  });

  test('with a version that is unknown here does, too', async () => {
    const ports = await portsWith(changedTo({ ...suspended, v: 2 }), control);
    await expect(readJobState(stream, ports)).rejects.toThrow('version 2 of MergeSuspended is unknown');
  });

  describe('is to a later version, with an upcaster, still', () => {
    /** In this later version a suspension names who asked for it in capitals, and no `note` any more. */
    const later = new EventJson({
      versions: { ...VERSIONS, MergeSuspended: 2 },
      upcasters: {
        ...UPCASTERS,
        MergeSuspended: { 1: ({ note: _note, by, ...rest }) => ({ ...rest, by: String(by).toUpperCase() }) },
      },
    });
    const laterPorts = async (events: readonly RecordedEvent[]): Promise<RunPorts> => ({
      ...(await portsWith(events, control)),
      codec: later,
    });

    test('the stream that was recorded, though the fold sees other events', async () => {
      const ports = await laterPorts(merge);
      const { state } = await readJobState(stream, ports);
      expect(state).toMatchObject({ activity: { kind: 'suspended', by: 'OPERATOR' } });
      const audit = await audited(await laterPorts(whole), jobId);
      expect(audit).toMatchObject({ isRight: true, signature: { state: signed, problem: null } });
      expect(audit.streams[0]?.head).toEqual({ revision: whole.length - 1, hash: whole.at(-1)!.hash });
    });

    test('wrong when the upcast event stands in its place', async () => {
      const { type: _type, ...data } = later.decodeJobEvent(suspended);
      const audit = await audited(await laterPorts(changedTo({ ...suspended, v: 2, data })), jobId);
      expect(audit.streams[0]?.problem).toMatchObject({ revision: at });
    });

    test('wrong when something in it was changed that the upcaster takes away', async () => {
      const data = { ...(suspended.data as object), note: 'added later' };
      const changed = changedTo({ ...suspended, data });
      expect(later.decodeJobEvent(changed[at]!)).toEqual(later.decodeJobEvent(suspended));
      const audit = await audited(await laterPorts(changed), jobId);
      expect(audit.streams[0]?.problem).toMatchObject({ revision: at });
    });
  });
});
