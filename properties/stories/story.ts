import type { MergeRun } from '#application/merge/merge-run';
import { MergeProgress } from '#application/progress/merge-progress';
import { RunMerge } from '#application/use-cases/run-merge';
import type { MergeOptions } from '../../domain/merge-job/events.js';
import type { MergeJobState } from '../../domain/merge-job/state.js';
import { plainVhdImage, type PlainBlock, type PlainVhdSpec } from '../models/plain-vhd.js';
import { plainVhdxImage, type PlainVhdxSpec } from '../models/plain-vhdx.js';
import { DEFAULT_OPTIONS, merge } from '../product/product.js';
import { block, child, common, id } from '../product/small-disks.js';
import { Died } from '../product/dying-files.js';
import type { Fate, StoryWorld } from './story-world.js';

/** What happened to one job, told by what the product does when it happens. */
export interface Story {
  readonly name: string;
  /** In words, for the index beside the recorded streams. */
  readonly tells: string;
  readonly phase: MergeJobState['phase'];
  /** Returns the job's id. */
  readonly happen: (world: StoryWorld) => Promise<string>;
}

export const SOURCE = 'child.vhd';
export const DESTINATION = 'base.vhd';

/** One process that merges, to whatever end; returns the job's id. Options as of the command line, unless told. */
export const mergeOnce = async (
  world: StoryWorld,
  options: Partial<MergeOptions> = {},
  fate: Fate = {},
  [source, destination]: readonly [string, string] = [SOURCE, DESTINATION],
): Promise<string> => {
  try {
    const merged = await merge(world.process(fate), world.path(source), world.path(destination), options);
    if (merged.jobId === null) throw new Error(`${world.name}: there is no job`);
    return merged.jobId;
  } catch (fault) {
    // A process that dies says nothing: the job is in the journal.
    if (!(fault instanceof Died)) throw fault;
    return await theJob(world);
  }
};

/** A process that merges, before its first block. `journalWaitMs`: how long it waits for a journal that goes away; null without limit. */
export const runOf = async (
  world: StoryWorld,
  options: Partial<MergeOptions> = {},
  fate: Fate = {},
  journalWaitMs: number | null = null,
): Promise<MergeRun> => {
  const ports = world.process(fate);
  const answer = await new RunMerge(ports, journalWaitMs).request(
    world.path(SOURCE),
    world.path(DESTINATION),
    { ...DEFAULT_OPTIONS, ...options },
    (jobId) => new MergeProgress(jobId, ports.clock),
  );
  if (answer.answer !== 'running') throw new Error(`${world.name}: expected a run, found ${answer.answer}`);
  return answer.run;
};

export const theJob = async (world: StoryWorld): Promise<string> => {
  const first = await world.process().store.list('merge-')[Symbol.asyncIterator]().next();
  if (first.done === true) throw new Error(`${world.name}: there is no job`);
  return first.value.stream.slice('merge-'.length);
};

export const putVhd = (world: StoryWorld, fileName: string, spec: PlainVhdSpec): void => {
  world.files.put(world.path(fileName), plainVhdImage(spec));
};

const filled = (...indexes: readonly number[]): ReadonlyMap<number, PlainBlock> =>
  new Map(indexes.map((index) => [index, block(0x10 + index)]));

/** child.vhd over middle.vhd over base.vhd: blocks that the base has and blocks that it gets. */
export const putVhdChain = (world: StoryWorld, base: 'dynamic' | 'fixed' = 'dynamic'): void => {
  putVhd(world, DESTINATION, { ...common, type: base, uniqueId: id(1), blocks: filled(0, 3) });
  putVhd(world, 'middle.vhd', child(2, 1, DESTINATION, filled(0, 4, 5)));
  putVhd(world, SOURCE, child(3, 2, 'middle.vhd', filled(1, 4, 7)));
};

/** A snapshot on top of child.vhd. */
export const putSnapshot = (world: StoryWorld): void => {
  putVhd(world, 'snapshot.vhd', child(4, 3, SOURCE, filled(2)));
};

const MIB = 1024 * 1024;
const guid = (n: number): string => `c4a10f01-d000-4000-8000-00000000000${n}`;
const sectors = (firstSector: number, count: number, fill: number) => ({
  content: [{ firstSector, bytes: new Uint8Array(count * 512).fill(fill) }],
  bits: [{ firstSector, sectorCount: count }],
});

const putVhdx = (world: StoryWorld, fileName: string, spec: PlainVhdxSpec): void => {
  world.files.put(world.path(fileName), plainVhdxImage(spec));
};

const vhdxCommon = {
  dialect: 'windows',
  blockSizeBytes: MIB,
  logicalSectorBytes: 512,
  virtualDiskId: guid(9),
} as const;

/** child.vhdx over base.vhdx, of which it makes a disk of 4.5 MiB: data, zeros by state and both in one block. */
export const putVhdxChain = (world: StoryWorld): readonly [string, string] => {
  putVhdx(world, 'base.vhdx', {
    ...vhdxCommon,
    type: 'dynamic',
    sizeBytes: 4 * MIB,
    dataWriteGuid: guid(1),
    fileWriteGuid: 'c4a10f01-f000-4000-8000-000000000001',
    payload: new Map([
      [0, { state: 6, content: sectors(0, 16, 1).content }],
      [2, { state: 6, content: sectors(8, 8, 1).content }],
    ]),
  });
  putVhdx(world, 'child.vhdx', {
    ...vhdxCommon,
    type: 'differencing',
    sizeBytes: 4.5 * MIB,
    parent: { dataWriteGuid: guid(1), fileName: 'base.vhdx' },
    dataWriteGuid: guid(2),
    fileWriteGuid: 'c4a10f01-f000-4000-8000-000000000002',
    payload: new Map([
      [0, { state: 7, ...sectors(4, 8, 2) }],
      [1, { state: 7, ...sectors(0, 2, 2) }],
      [2, { state: 2 }],
      [4, { state: 7, ...sectors(0, 16, 2) }],
    ]),
  });
  return ['child.vhdx', 'base.vhdx'];
};

/** A snapshot on top of child.vhdx. */
export const putVhdxSnapshot = (world: StoryWorld): void => {
  putVhdx(world, 'snapshot.vhdx', {
    ...vhdxCommon,
    type: 'differencing',
    sizeBytes: 4.5 * MIB,
    parent: { dataWriteGuid: guid(2), fileName: 'child.vhdx' },
    dataWriteGuid: guid(3),
    fileWriteGuid: 'c4a10f01-f000-4000-8000-000000000003',
    payload: new Map([[3, { state: 7, ...sectors(0, 4, 3) }]]),
  });
};
