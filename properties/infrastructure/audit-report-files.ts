import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RecordedEvent } from '#application/journal/recorded-event';
import { NO_STREAM } from '#application/ports/event-store';
import { AuditJob, type AuditOptions, type JobAudit } from '#application/use-cases/audit-job';
import type { RunPorts } from '#application/merge/run-context';
import { exportReport } from '#infrastructure/cli/audit-export';
import { openTrail } from '#infrastructure/trail/open-trail';
import { MemoryEventStore } from '#infrastructure/event-store/memory-event-store';
import { readTrail, TrailFlaw } from '#application/journal/trail';
import { parseEvent } from '#application/journal/event-text';
import { filesInMemory, productPorts } from '../product/product.js';

/** A job in a journal in memory. */
export interface JournalledJob {
  readonly ports: RunPorts;
  readonly jobId: string;
}

/** A job as an earlier build recorded it: its streams are in properties/recorded. */
export const recordedStory = async (story: string): Promise<JournalledJob> => {
  const file = fileURLToPath(new URL(`../recorded/0.1.0/${story}.ndjson`, import.meta.url));
  return await jobOf(
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const { stream, revision } = JSON.parse(line) as RecordedEvent;
        return parseEvent(line, stream, revision);
      }),
  );
};

/** A journal with these events, the job's own stream first. */
export const jobOf = async (events: readonly RecordedEvent[]): Promise<JournalledJob> => {
  const store = new MemoryEventStore();
  const streams = [...new Set(events.map(({ stream }) => stream))];
  for (const stream of streams) {
    const appended = await store.append(
      stream,
      NO_STREAM,
      events.filter((event) => event.stream === stream),
    );
    if (appended.outcome !== 'appended') throw new Error(`${stream}: ${appended.outcome}`);
  }
  const jobId = streams.find((stream) => stream.startsWith('merge-'))!.slice('merge-'.length);
  return { ports: productPorts({ files: filesInMemory(), store }), jobId };
};

export const auditOf = async ({ ports, jobId }: JournalledJob, options: AuditOptions = {}): Promise<JobAudit> => {
  const audit = await new AuditJob(ports).audit(jobId, options);
  if (!audit.ok) throw new Error(audit.error.message);
  return audit.value;
};

/** Audits and exports; gives back the bytes of the file. */
export const exported = async (job: JournalledJob, path: string, key: string): Promise<Buffer> => {
  const { ports } = job;
  const refused = await exportReport({ program: { ports }, audit: await auditOf(job), path, key, journal: 'memory:' });
  if (refused !== null) throw new Error(refused.message);
  return readFileSync(path);
};

/** What a reader of the file gets: its events, or what is wrong with it. */
export const readBack = async (path: string, job: JournalledJob): Promise<readonly RecordedEvent[] | string> => {
  const { lines, problem } = await openTrail(path);
  return problem ?? (await eventsIn(lines, job));
};

export const eventsIn = async (
  lines: AsyncIterable<string>,
  { ports }: JournalledJob,
): Promise<readonly RecordedEvent[] | string> => {
  const events: RecordedEvent[] = [];
  try {
    for await (const event of readTrail(lines, ports)) events.push(event);
  } catch (flaw) {
    if (!(flaw instanceof TrailFlaw)) throw flaw;
    return flaw.message;
  }
  return events;
};

/** The job's own stream, then what others asked of it. */
export const journalOf = async ({ ports, jobId }: JournalledJob): Promise<readonly RecordedEvent[]> => {
  const events: RecordedEvent[] = [];
  for (const stream of [`merge-${jobId}`, `control-${jobId}`])
    for await (const event of ports.store.read(stream)) events.push(event);
  return events;
};
