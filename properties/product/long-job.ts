import { emptyHead, seal, type RecordedEvent } from '#application/journal/recorded-event';
import type { ImageRecord, MergeJobEvent } from '#domain/merge-job/events';
import { EventJson } from '#infrastructure/event-store/event-json';
import { blockMerged, tools, unsealed } from './recorded-events.js';

/** Blocks of this size fill a window's append well below 256 KiB. */
export const EVENTS_PER_APPEND = 256;
const BLOCK_BYTES = 2_097_152;

const image = (name: string, blocks: number): ImageRecord => ({
  path: `/vm/${name}.vhd`,
  format: 'vhd',
  type: name === 'child' ? 'differencing' : 'dynamic',
  virtualSizeBytes: blocks * BLOCK_BYTES,
  blockSizeBytes: BLOCK_BYTES,
  logicalSectorSize: 512,
  identity: name,
  writeIdentity: null,
  parentIdentity: name === 'child' ? 'base' : null,
  file: { dev: '1', ino: '2', sizeBytes: blocks * BLOCK_BYTES, mtimeNs: '3' },
});

const beginning = (blocks: number): MergeJobEvent[] => [
  {
    type: 'MergeRequested',
    source: '/vm/child.vhd',
    destination: '/vm/base.vhd',
    options: {
      verify: 'blocks',
      retire: 'keep',
      reparent: 'auto',
      allowedSiblings: [],
      allowSuperseded: false,
      windowBytes: 67_108_864,
      rateBytesPerSecond: null,
      roots: [],
    },
    requester: { user: 'operator', host: 'storage-7', pid: 4711 },
  },
  {
    type: 'ChainAccepted',
    images: [image('child', blocks), image('base', blocks)],
    ancestors: [],
    children: [],
    siblings: [],
    blocks,
    bytes: blocks * BLOCK_BYTES,
    newBlocks: 0,
    spaceNeededBytes: 0,
    spaceFreeBytes: 0,
    missingProtection: [],
  },
  {
    type: 'MergeStarted',
    run: {
      epoch: 1,
      host: 'storage-7',
      pid: 4711,
      bootId: 'boot',
      engineVersion: '0.1.0',
      windowBytes: 67_108_864,
      fileWriteGuids: {},
    },
    sourceViewDigest: null,
  },
];

/** A job under way that has merged so many blocks, append by append: what a run records of a large dense disk. */
export function* appendsOfJob(stream: string, blocks: number): Generator<readonly RecordedEvent[]> {
  const codec = new EventJson();
  const started = beginning(blocks).map((event) => {
    const { type, v, data } = codec.encode(event);
    return { ...unsealed(data, type), v };
  });
  let append = seal(stream, emptyHead(stream, tools.digests), started, tools);
  yield append;
  for (let block = 0; block < blocks; block += EVENTS_PER_APPEND) {
    const count = Math.min(EVENTS_PER_APPEND, blocks - block);
    const merged = Array.from({ length: count }, (_, at) => blockMerged(block + at));
    append = seal(stream, append.at(-1)!, merged, tools);
    yield append;
  }
}

/** Events that a job has before its first block. */
export const EVENTS_BEFORE_BLOCKS = beginning(0).length;
