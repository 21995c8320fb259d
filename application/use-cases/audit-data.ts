import { MIB } from '#domain/quantities';
import type { BlockMerged } from '#domain/merge-job/events';
import { destinationIdentityOf, isStarted, type MergeJobState } from '#domain/merge-job/state';
import type { RecordedEvent } from '../journal/recorded-event.js';
import type { RunPorts } from '../merge/run-context.js';
import { blockReadsAsRecorded, verifyBlocks } from '../merge/verify-blocks.js';

export interface DataAudit {
  readonly destination: string | null;
  readonly blocks: number;
  readonly bytes: number;
  /** Blocks whose bytes are not those that the job recorded last. */
  readonly differing: readonly number[];
  /** Why the destination could not be compared; null when it was. */
  readonly unreadable: string | null;
  /** The file was changed after the job's last word on it: a difference may be the guest's own doing. */
  readonly changedSince: boolean;
}

/** In an image without blocks a merge counts by 2 MiB: see `MergeDestination.mergeBlockSectors`. */
const BLOCK_BYTES_WITHOUT_BLOCKS = 2 * MIB;

/**
 * Reads every committed block from the destination and compares it with its recorded digest. Opens it for reading only.
 * `events`: the job's own stream, which was found right, and `state` what it led to.
 */
export const auditData = async (
  events: () => AsyncIterable<RecordedEvent>,
  state: MergeJobState,
  ports: RunPorts,
): Promise<DataAudit> => {
  const accepted = 'chain' in state && state.chain !== null ? state.chain.images.at(-1)! : null;
  const nothing = { blocks: 0, bytes: 0, differing: [], changedSince: false };
  if (accepted === null) return { ...nothing, destination: null, unreadable: null };
  const { path } = accepted;
  const image = await ports.images.open(path);
  if (!image.ok) return { ...nothing, destination: path, unreadable: image.error.message };
  const { description } = image.value;
  try {
    const expected = identityNow(state) ?? accepted.identity;
    if (description.identity !== expected) {
      const unreadable = `${path} is another disk now: expected identity ${expected}, found ${description.identity}.`;
      return { ...nothing, destination: path, unreadable };
    }
    const blockBytes = description.blockSizeBytes ?? BLOCK_BYTES_WITHOUT_BLOCKS;
    const blockSectors = blockBytes / description.logicalSectorSize;
    const verified = await verifyBlocks(
      events(),
      (event) => blockOf(event, ports),
      (event) =>
        blockReadsAsRecorded(event, image.value, blockSectors, { ports, progress: { verified: () => undefined } }),
      async () => false,
    );
    if (verified === 'stopped') throw new Error('Bug: an audit stopped that nobody stops');
    return {
      destination: path,
      blocks: verified.blocks,
      bytes: verified.bytes,
      differing: verified.differing.map(({ block }) => block),
      unreadable: null,
      changedSince: await wasChangedSince(path, state, ports),
    };
  } finally {
    await image.value.close();
  }
};

const identityNow = (state: MergeJobState): string | null =>
  isStarted(state) || state.phase === 'completed' ? destinationIdentityOf(state) : null;

const wasChangedSince = async (path: string, state: MergeJobState, { files }: RunPorts): Promise<boolean> => {
  if (state.phase !== 'completed') return false;
  return (await files.stat(path))?.mtimeNs !== state.completion.destination.mtimeNs;
};

const blockOf = (recorded: RecordedEvent, { codec }: RunPorts): BlockMerged => {
  const event = codec.decodeJobEvent(recorded);
  if (event.type !== 'BlockMerged') throw new Error(`Bug: a recorded BlockMerged was decoded as ${event.type}`);
  return event;
};
