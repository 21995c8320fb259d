import { sameFile, type FileIdentity } from '#domain/chain/image-description';
import { claimOf, isUnfinished, type MergeJobState } from '#domain/merge-job/state';
import type { allJobs } from '../jobs/job-directory.js';
import { jobIdOf, JOB_STREAM_PREFIX, jobStreamName } from '../jobs/job-stream.js';
import { readJobState } from '../jobs/read-job-state.js';
import { UnreadableEvent } from '../ports/event-codec.js';
import { quarantinedPaths } from '../merge/quarantine.js';
import type { RunPorts } from '../merge/run-context.js';
import { runnerOf } from '../use-cases/runner.js';
import type { ScannedImage } from './examine-image.js';

/** An unfinished job about images that were scanned. */
export interface JobHere {
  readonly jobId: string;
  readonly source: string;
  readonly destination: string;
  readonly state: 'running' | 'interrupted' | 'suspended' | 'failed' | 'on another host';
  /** Milliseconds since 1970. */
  readonly lastEventAt: number;
}

/** What the journal says of the images. */
export interface JournalHere {
  readonly unfinished: readonly JobHere[];
  /** Merged sources that were kept, by path: `changed` when the file is not what the job left. */
  readonly superseded: ReadonlyMap<string, { readonly jobId: string; readonly changed: boolean }>;
  readonly quarantined: ReadonlySet<string>;
  /** Jobs that this release cannot read: what they say of these images is not known. */
  readonly unreadable: readonly { readonly jobId: string; readonly why: string }[];
}

export type JobPorts = Pick<RunPorts, 'store' | 'codec' | 'host' | 'locks'> & Parameters<typeof allJobs>[0];

/** Reads the journal only. `isHere` says whether a path is one of those scanned. */
export const jobsHere = async (
  images: readonly ScannedImage[],
  isHere: (path: string) => boolean,
  ports: JobPorts,
): Promise<JournalHere> => {
  const byPath = new Map(images.map((image) => [image.path, image]));
  const identities = new Set(images.flatMap(({ identity }) => identity ?? []));
  const unfinished: JobHere[] = [];
  const superseded = new Map<string, { readonly jobId: string; readonly changed: boolean }>();
  const quarantined = new Set<string>();
  const unreadable: { readonly jobId: string; readonly why: string }[] = [];
  for await (const { stream } of ports.store.list(JOB_STREAM_PREFIX)) {
    const jobId = jobIdOf(stream);
    const state = await readable(stream, ports);
    if (typeof state === 'string') {
      unreadable.push({ jobId, why: state });
      continue;
    }
    if (isUnfinished(state) && concerns(state, isHere, identities)) unfinished.push(await jobHere(jobId, state, ports));
    for (const path of quarantinedPaths([{ jobId, state }])) quarantined.add(path);
    for (const { path, identity, file } of keptSources(state)) {
      const image = byPath.get(path);
      if (image?.identity === identity) superseded.set(path, { jobId, changed: !isAsLeft(image.file, file) });
    }
  }
  return { unfinished, superseded, quarantined, unreadable };
};

/** One job that cannot be read takes nothing from what the others say. */
const readable = async (stream: string, ports: JobPorts): Promise<MergeJobState | string> => {
  try {
    return (await readJobState(stream, ports)).state;
  } catch (fault) {
    if (fault instanceof UnreadableEvent) return fault.message;
    throw fault;
  }
};

const concerns = (
  state: MergeJobState,
  isHere: (path: string) => boolean,
  identities: ReadonlySet<string>,
): boolean => {
  if (state.phase === 'unrequested') return false;
  const images = 'chain' in state ? (state.chain?.images ?? []) : [];
  return (
    [state.request.source, state.request.destination, ...images.map(({ path }) => path)].some(isHere) ||
    images.some(({ identity }) => identities.has(identity))
  );
};

const jobHere = async (jobId: string, state: MergeJobState, ports: JobPorts): Promise<JobHere> => {
  const last = await ports.store.readLast(jobStreamName(jobId));
  if (last === null || !isUnfinished(state)) throw new Error(`Bug: unfinished job ${jobId} without an event`);
  const { source, destination } = state.request;
  return { jobId, source, destination, state: await howItStands(state, last, ports), lastEventAt: last.occurredAt };
};

const howItStands = async (
  state: MergeJobState,
  last: Parameters<typeof runnerOf>[1],
  ports: JobPorts,
): Promise<JobHere['state']> => {
  if (isUnfinished(state) && state.activity.kind !== 'running') return state.activity.kind;
  switch ((await runnerOf(state, last, ports)).presence) {
    case 'at-work':
      return 'running';
    case 'elsewhere':
      return 'on another host';
    case 'gone':
    case 'none':
      return 'interrupted';
  }
};

const keptSources = (state: MergeJobState) => {
  if (state.phase !== 'completed' || state.completion.retire !== 'keep') return [];
  const linked = claimOf(state)?.claimed?.child;
  return state.chain.images
    .slice(0, -1)
    .map(({ path, identity, file }) => ({ path, identity, file: path === linked?.path ? linked.file : file }));
};

/** Whoever used a merged source after the merge has written to it. Its device number is another one after each restart. */
const isAsLeft = (now: FileIdentity, left: FileIdentity): boolean =>
  sameFile({ ...now, dev: left.dev }, left) && now.sizeBytes === left.sizeBytes && now.mtimeNs === left.mtimeNs;
