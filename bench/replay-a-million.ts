/**
 * Defends two figures of DESIGN §3: the last committed block of a job with 1,000,000 `BlockMerged` events is found in less than
 * 50 ms, and the replay of them all takes less than 5 s. Exit 1 when either is missed.
 *
 * Run: node --conditions=source --import tsx bench/replay-a-million.ts [EVENTS]
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { emptyHead, seal } from '#application/journal/recorded-event';
import { foldWholeStream, readJobState } from '#application/jobs/read-job-state';
import type { EventStore } from '#application/ports/event-store';
import type { MergeJobEvent } from '#domain/merge-job/events';
import { committedOf } from '#domain/merge-job/state';
import { EventJson } from '#infrastructure/event-store/event-json';
import { openEventStore } from '#infrastructure/event-store/open-event-store';
import { NodeDigests } from '#infrastructure/platform/node-digests';
import { NodeIdentifiers } from '#infrastructure/platform/node-identifiers';

const EVENTS = Number(process.argv[2] ?? 1_000_000);
const EVENTS_PER_APPEND = 256;
const MOST_MS_TO_LAST_BLOCK = 50;
const MOST_S_TO_REPLAY = 5;
const REPLAYS = 3;
const BLOCK_BYTES = 2_097_152;
const STREAM = 'merge-0b0f9d6e-7a50-5b1c-9b58-0d3c8f0ad5a1';

const tools = { digests: new NodeDigests(), identifiers: new NodeIdentifiers() };
const codec = new EventJson();

const beginning = (): MergeJobEvent[] => {
  const file = { dev: '2049', ino: '131', sizeBytes: 1_000_000 * BLOCK_BYTES, mtimeNs: '1764000000000000000' };
  const image = (path: string, type: 'dynamic' | 'differencing') => ({
    path,
    format: 'vhdx' as const,
    type,
    virtualSizeBytes: EVENTS * BLOCK_BYTES,
    blockSizeBytes: BLOCK_BYTES,
    logicalSectorSize: 512,
    identity: '6f1c6d0a-5d55-4c51-9d55-1b7f0f8e9a01',
    writeIdentity: null,
    parentIdentity: type === 'dynamic' ? null : '6f1c6d0a-5d55-4c51-9d55-1b7f0f8e9a02',
    file,
  });
  const source = image('/srv/vm/disk-child.vhdx', 'differencing');
  const destination = image('/srv/vm/disk.vhdx', 'dynamic');
  return [
    {
      type: 'MergeRequested',
      source: source.path,
      destination: destination.path,
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
      images: [source, destination],
      ancestors: [],
      children: [],
      siblings: [],
      blocks: EVENTS,
      bytes: EVENTS * BLOCK_BYTES,
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
};

const blockMerged = (block: number): MergeJobEvent => ({
  type: 'BlockMerged',
  block,
  sectors: { runs: [[0, 4096]] },
  bytes: BLOCK_BYTES,
  fileOffsetBytes: 1_048_576 + block * BLOCK_BYTES,
  digest: `sha256:${tools.digests.sha256Text(String(block))}`,
  from: [0],
  epoch: 1,
  repair: false,
  totals: { blocks: block + 1, bytes: (block + 1) * BLOCK_BYTES, nextBlock: block + 1 },
});

const write = async (store: EventStore): Promise<void> => {
  let head = emptyHead(STREAM, tools.digests);
  const append = async (events: readonly MergeJobEvent[]): Promise<void> => {
    const unsealed = events.map((event) => ({
      ...codec.encode(event),
      occurredAt: Date.now(),
      meta: {
        $correlationId: '0b0f9d6e-7a50-5b1c-9b58-0d3c8f0ad5a1',
        $causationId: '0b0f9d6e-7a50-5b1c-9b58-0d3c8f0ad5a1',
        actor: { kind: 'cli' as const, id: 'operator', host: 'storage-7', pid: 4711 },
        appVersion: '0.1.0',
        leaseEpoch: 1,
      },
    }));
    const sealed = seal(STREAM, head, unsealed, tools);
    const { outcome } = await store.append(STREAM, head.revision, sealed);
    if (outcome !== 'appended') throw new Error(`An append at revision ${String(head.revision)} answered ${outcome}.`);
    head = sealed.at(-1) ?? head;
  };
  await append(beginning());
  for (let block = 0; block < EVENTS; block += EVENTS_PER_APPEND) {
    const count = Math.min(EVENTS_PER_APPEND, EVENTS - block);
    await append(Array.from({ length: count }, (_, at) => blockMerged(block + at)));
  }
};

const timed = async <T>(
  work: () => Promise<T>,
): Promise<{ readonly ms: number; readonly cpuMs: number; readonly value: T }> => {
  const from = performance.now();
  const cpuFrom = process.cpuUsage();
  const value = await work();
  const { user, system } = process.cpuUsage(cpuFrom);
  return { ms: performance.now() - from, cpuMs: (user + system) / 1000, value };
};

const show = (what: string, figure: string): void => console.log(`${what.padEnd(58)} ${figure}`);
const seconds = ({ ms, cpuMs }: { readonly ms: number; readonly cpuMs: number }): string =>
  `${(ms / 1000).toFixed(2)} s (${(cpuMs / 1000).toFixed(2)} s of CPU)`;

const measure = async (path: string): Promise<boolean> => {
  const writer = await openEventStore(path, { mode: 'read-write' });
  const written = await timed(() => write(writer));
  await writer.close();
  show(`${String(EVENTS)} events sealed and appended, ${String(EVENTS_PER_APPEND)} each`, seconds(written));
  show('journal', `${String(Math.round(statSync(path).size / 2 ** 20))} MiB`);

  const opened = await timed(() => openEventStore(path, { mode: 'read-write' }));
  const store = opened.value;
  show('store opened', `${opened.ms.toFixed(1)} ms`);
  const reader = { store, codec, digests: tools.digests };

  const last = await timed(() => store.readLast(STREAM, 'BlockMerged'));
  show('last committed block found', `${last.ms.toFixed(1)} ms`);
  const state = await timed(() => readJobState(STREAM, reader));
  show('state of the job found (without its blocks)', `${state.ms.toFixed(1)} ms`);

  let replayMs = Infinity;
  for (let run = 1; run <= REPLAYS; run += 1) {
    const replay = await timed(() => foldWholeStream(STREAM, reader));
    show(`whole replay: read, decode, fold (${String(run)} of ${String(REPLAYS)})`, seconds(replay));
    replayMs = Math.min(replayMs, replay.ms);
    const { blocks } = committedOf(replay.value.state);
    if (blocks !== EVENTS || committedOf(state.value.state).blocks !== EVENTS) throw new Error('The states differ.');
  }
  show('peak memory', `${String(Math.round(process.resourceUsage().maxRSS / 1024))} MiB`);
  await store.close();
  return state.ms < MOST_MS_TO_LAST_BLOCK && last.ms < MOST_MS_TO_LAST_BLOCK && replayMs < MOST_S_TO_REPLAY * 1000;
};

const folder = mkdtempSync(join(tmpdir(), 'chainfold-bench-'));
try {
  show('node', process.version);
  show('cpu', `${cpus()[0]?.model ?? 'unknown'}, ${String(cpus().length)} threads`);
  show('date', new Date().toISOString());
  if (!(await measure(join(folder, 'journal.db')))) {
    console.error(
      `Missed: ${String(MOST_MS_TO_LAST_BLOCK)} ms to the last block, ${String(MOST_S_TO_REPLAY)} s for the replay.`,
    );
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
