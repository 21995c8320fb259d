import {
  emptyHead,
  seal,
  type ChainHead,
  type EventMeta,
  type RecordedEvent,
  type UnsealedEvent,
} from '#application/journal/recorded-event';
import { NodeDigests } from '#infrastructure/platform/node-digests';
import { NodeIdentifiers } from '#infrastructure/platform/node-identifiers';

export const tools = { digests: new NodeDigests(), identifiers: new NodeIdentifiers() };

const META: EventMeta = {
  $correlationId: '4d6f6a1e-31f4-4d0e-8f4d-0d2f6f7a9b10',
  $causationId: '4d6f6a1e-31f4-4d0e-8f4d-0d2f6f7a9b10',
  actor: { kind: 'cli', id: 'operator', host: 'storage-7', pid: 4711 },
  appVersion: '0.1.0',
  leaseEpoch: 1,
};

/** An event before it has a place; `data` is whatever the test tells its events apart by. */
export const unsealed = (data: unknown, type = 'SomethingHappened'): UnsealedEvent => ({
  type,
  v: 1,
  occurredAt: 1_764_000_000_000,
  meta: META,
  data,
});

/** The next events of a stream after its head (default: its first ones). */
export const sealed = (
  stream: string,
  events: readonly UnsealedEvent[],
  head: ChainHead = emptyHead(stream, tools.digests),
): RecordedEvent[] => seal(stream, head, events, tools);

/** So many first events of a stream, each with its number as data. */
export const numbered = (stream: string, count: number): RecordedEvent[] =>
  sealed(
    stream,
    Array.from({ length: count }, (_, number) => unsealed({ number })),
  );

/** One durable block of 2 MiB, as a merge of a dense VHD records it. */
export const blockMerged = (block: number): UnsealedEvent =>
  unsealed(
    {
      block,
      sectors: { runs: [[0, 4096]] },
      bytes: 2_097_152,
      fileOffsetBytes: 2048 + block * 2_097_664,
      digest: `sha256:${tools.digests.sha256Text(String(block))}`,
      from: [0],
      epoch: 1,
      repair: false,
      totals: { blocks: block + 1, bytes: (block + 1) * 2_097_152, nextBlock: block + 1 },
    },
    'BlockMerged',
  );
