import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseEvent } from '#application/journal/event-text';
import type { RecordedEvent } from '#application/journal/recorded-event';
import { NO_STREAM, type EventStore } from '#application/ports/event-store';
import { MemoryEventStore } from '#infrastructure/event-store/memory-event-store';
import type { RecordedStory } from './recorded-story.js';

/** One story as a past version recorded it: the job's stream, then its control stream. */
export interface Recording extends RecordedStory {
  /** `0.1.0/killed` */
  readonly title: string;
  readonly jobId: string;
  readonly sizeBytes: number;
  readonly lines: readonly string[];
  readonly merge: readonly RecordedEvent[];
  readonly control: readonly RecordedEvent[];
}

const RECORDED = join(import.meta.dirname, '..', 'recorded');

/** Every version that has recorded its streams. */
export const recordedVersions = (): readonly string[] =>
  readdirSync(RECORDED, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

/** What its index says, and the files beside it: a story without a file, or a file without a story, is not passed over. */
export const recordingsOf = (version: string): readonly Recording[] => {
  const folder = join(RECORDED, version);
  const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as Record<string, RecordedStory>;
  const files = readdirSync(folder).filter((name) => name !== 'index.json');
  const named = Object.keys(index).map((story) => `${story}.ndjson`);
  const alone = [...files, ...named].filter((name) => !files.includes(name) || !named.includes(name));
  if (alone.length > 0)
    throw new Error(`${version}: ${alone.join(', ')} is in the folder or in its index, not in both`);
  return Object.entries(index).map(([story, told]) => ({
    ...told,
    ...recordingIn(join(folder, `${story}.ndjson`)),
    title: `${version}/${story}`,
  }));
};

const recordingIn = (path: string): Pick<Recording, 'jobId' | 'sizeBytes' | 'lines' | 'merge' | 'control'> => {
  const text = readFileSync(path, 'utf8');
  const lines = text.split('\n').slice(0, -1);
  const events = lines.map((line) => {
    const { stream, revision } = JSON.parse(line) as RecordedEvent;
    return parseEvent(line, stream, revision);
  });
  const jobId = events[0]!.meta.$correlationId;
  const of = (name: string): readonly RecordedEvent[] => events.filter(({ stream }) => stream === name);
  const [merge, control] = [of(`merge-${jobId}`), of(`control-${jobId}`)];
  if (merge.length + control.length !== events.length) throw new Error(`${path} has events of another job`);
  return { jobId, sizeBytes: Buffer.byteLength(text), lines, merge, control };
};

/** A journal with these streams in it, as they were recorded. */
export const journalWith = async (...streams: readonly (readonly RecordedEvent[])[]): Promise<EventStore> => {
  const store = new MemoryEventStore();
  for (const events of streams) if (events[0] !== undefined) await store.append(events[0].stream, NO_STREAM, events);
  return store;
};
