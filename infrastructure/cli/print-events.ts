import { jobStreamName } from '#application/jobs/job-stream';
import type { Program } from '../container/compose.js';
import { printEvent } from '#application/journal/event-text';
import { printableJsonText } from './printable.js';
import type { Terminal } from './terminal.js';

/** Every event of a job as one JSON object per line: all that the hash covers. */
export const printEventsAsJson = async (
  jobId: string,
  fromRevision: number,
  { ports: { store } }: Program,
  { out }: Terminal,
): Promise<void> => {
  for await (const event of store.read(jobStreamName(jobId), { fromRevision })) {
    await out.line(printableJsonText(printEvent(event)));
  }
};
