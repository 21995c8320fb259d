import type { MergeOptions } from '../../domain/merge-job/events.js';
import type { RunPorts } from '../../application/merge/run-context.js';
import type { MergeOutcome } from '../../application/merge/merge-run.js';
import { MergeProgress } from '../../application/progress/merge-progress.js';
import type { FileSystem } from '../../application/ports/file-system.js';
import type { ImageLocks } from '../../application/ports/image-lock.js';
import type { EventStore } from '../../application/ports/event-store.js';
import { RunMerge, type MergeAnswer } from '../../application/use-cases/run-merge.js';
import { FormatImages } from '../../infrastructure/disk-image/format-images.js';
import { EventJson } from '../../infrastructure/event-store/event-json.js';
import { MemoryEventStore } from '../../infrastructure/event-store/memory-event-store.js';
import { NodeFileSystem } from '../../infrastructure/file-system/node-file-system.js';
import { OfdImageLocks } from '../../infrastructure/locks/ofd-image-locks.js';
import { Ed25519Signer, newPrivateKeyPem } from '../../infrastructure/platform/ed25519-signer.js';
import { NodeClock } from '../../infrastructure/platform/node-clock.js';
import { NodeDigests } from '../../infrastructure/platform/node-digests.js';
import { nodeHost } from '../../infrastructure/platform/node-host.js';
import { NodeIdentifiers } from '../../infrastructure/platform/node-identifiers.js';

/** The product's own parts, put together as the program does, on real files and with a journal in memory unless told. */
export const productPorts = (
  given: { readonly files?: FileSystem; readonly store?: EventStore; readonly locks?: ImageLocks } = {},
): RunPorts => {
  const files = given.files ?? new NodeFileSystem();
  const identifiers = new NodeIdentifiers();
  return {
    files,
    images: new FormatImages(files, 'posix', () => identifiers.newGuid()),
    locks: given.locks ?? new OfdImageLocks(),
    store: given.store ?? new MemoryEventStore(),
    codec: new EventJson(),
    digests: new NodeDigests(),
    identifiers,
    clock: new NodeClock(),
    host: nodeHost('library'),
    signer: TEST_SIGNER,
  };
};

const TEST_SIGNER = new Ed25519Signer(newPrivateKeyPem());

/** Files whose cache is not dropped: in memory there is nothing below it, and trying takes its time. */
export const filesInMemory = (): FileSystem => new NodeFileSystem({ native: () => Promise.resolve(null) });

export const DEFAULT_OPTIONS: MergeOptions = {
  verify: 'blocks',
  retire: 'keep',
  reparent: 'auto',
  allowedSiblings: [],
  allowSuperseded: false,
  windowBytes: 64 * 1024 * 1024,
  rateBytesPerSecond: null,
  roots: [],
};

/** What came of a request: refused before a write, answered from the stream, or run to its end. */
export type Merged =
  | Exclude<MergeAnswer, { readonly answer: 'running' }>
  | { readonly answer: 'ran'; readonly jobId: string; readonly outcome: MergeOutcome };

export const merge = async (
  ports: RunPorts,
  source: string,
  destination: string,
  options: Partial<MergeOptions> = {},
): Promise<Merged> => {
  const answer = await new RunMerge(ports).request(
    source,
    destination,
    { ...DEFAULT_OPTIONS, ...options },
    (jobId) => new MergeProgress(jobId, ports.clock),
  );
  return await toEnd(answer);
};

export const resume = async (ports: RunPorts, jobId: string): Promise<Merged> =>
  await toEnd(await new RunMerge(ports).resume(jobId, {}, (id) => new MergeProgress(id, ports.clock)));

const toEnd = async (answer: MergeAnswer): Promise<Merged> => {
  if (answer.answer !== 'running') return answer;
  return { answer: 'ran', jobId: answer.run.job.jobId, outcome: await answer.run.toEnd() };
};

export const recordedEvents = async ({ store }: RunPorts, jobId: string) => {
  const events = [];
  for await (const event of store.read(`merge-${jobId}`)) events.push(event);
  return events;
};
