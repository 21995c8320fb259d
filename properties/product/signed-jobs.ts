import { MergeProgress } from '../../application/progress/merge-progress.js';
import { trailLines } from '../../application/journal/trail.js';
import { controlStreamName, jobIdOf, jobStreamName } from '../../application/jobs/job-stream.js';
import type { RunPorts } from '../../application/merge/run-context.js';
import type { HeadSigner } from '../../application/ports/head-signer.js';
import { RunMerge } from '../../application/use-cases/run-merge.js';
import { SteerMerge } from '../../application/use-cases/steer-merge.js';
import { MemoryEventStore } from '../../infrastructure/event-store/memory-event-store.js';
import { DEFAULT_OPTIONS, filesInMemory, merge, productPorts, recordedEvents } from './product.js';
import { smallChain, type SmallChain } from './small-chain.js';

/** A job as the product recorded and signed it, in a journal in memory. */
export interface SignedJob {
  readonly ports: RunPorts;
  readonly jobId: string;
  readonly chain: SmallChain;
}

const newPorts = (signer?: HeadSigner): RunPorts => {
  const ports = productPorts({ files: filesInMemory() });
  return signer === undefined ? ports : { ...ports, signer };
};

/** Stopped by another process's request, so that it has a control stream: a block a second, one or two are done. */
export const suspendedJob = async (scratch: string, signer?: HeadSigner): Promise<SignedJob> => {
  const ports = newPorts(signer);
  const chain = await smallChain(scratch);
  const options = { ...DEFAULT_OPTIONS, rateBytesPerSecond: 512, windowBytes: 512 };
  const answer = await new RunMerge(ports).request(
    chain.child,
    chain.base,
    options,
    (id) => new MergeProgress(id, ports.clock),
  );
  if (answer.answer !== 'running') throw new Error(`expected a run, found ${answer.answer}`);
  const { jobId } = answer.run.job;
  await Promise.all([answer.run.toEnd(), new SteerMerge(ports).steer(jobId, 'suspend', 20_000)]);
  return { ports, jobId, chain };
};

/** Suspended, resumed, died without a word, recovered, completed. */
export const recoveredJob = async (scratch: string, signer?: HeadSigner): Promise<SignedJob> => {
  const suspended = await suspendedJob(scratch, signer);
  const { jobId, chain } = suspended;
  await resumed(suspended.ports, jobId);
  const events = await recordedEvents(suspended.ports, jobId);
  const died = events.findIndex(({ type, revision }) => type === 'BlockMerged' && revision === events.length - 4);
  const control = [];
  for await (const event of suspended.ports.store.read(controlStreamName(jobId))) control.push(event);
  const store = new MemoryEventStore();
  await store.append(jobStreamName(jobId), -1, events.slice(0, died));
  await store.append(controlStreamName(jobId), -1, control);
  const ports = { ...suspended.ports, store };
  await resumed(ports, jobId);
  return { ports, jobId, chain };
};

/** To the end, and as fast as it goes. */
const resumed = async (ports: RunPorts, jobId: string): Promise<void> => {
  const limits = { rateBytesPerSecond: null };
  const answer = await new RunMerge(ports).resume(jobId, limits, (id) => new MergeProgress(id, ports.clock));
  if (answer.answer !== 'running') throw new Error(`expected a run, found ${answer.answer}`);
  const { outcome } = await answer.run.toEnd();
  if (outcome !== 'completed') throw new Error(`expected to complete, found ${outcome}`);
};

/** The base into its own child: there is no such chain. The refusal is recorded. */
export const refusedJob = async (scratch: string, signer?: HeadSigner): Promise<SignedJob> => {
  const ports = newPorts(signer);
  const chain = await smallChain(scratch);
  await merge(ports, chain.base, chain.child);
  const jobIds: string[] = [];
  for await (const { stream } of ports.store.list(jobStreamName(''))) jobIds.push(jobIdOf(stream));
  const [jobId] = jobIds;
  if (jobId === undefined) throw new Error('expected the refusal to be recorded');
  return { ports, jobId, chain };
};

/** The bytes of the trail of jobs, as `journal export` writes them. */
export const trailOf = async (ports: RunPorts, ...jobIds: readonly string[]): Promise<Buffer> => {
  const streams = jobIds.flatMap((jobId) => [jobStreamName(jobId), controlStreamName(jobId)]);
  const lines: string[] = [];
  for await (const line of trailLines(streams, ports, 'memory:')) lines.push(`${line}\n`);
  return Buffer.from(lines.join(''), 'utf8');
};
