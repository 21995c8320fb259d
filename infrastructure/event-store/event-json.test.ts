import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { RecordedEvent } from '#application/journal/recorded-event';
import { UnreadableEvent } from '#application/ports/event-codec';
import type { ControlRequest } from '#domain/merge-job/control';
import type { MergeJobEvent } from '#domain/merge-job/events';
import { numbered } from '../../properties/product/recorded-events.js';
import { EventJson } from './event-json.js';
import { READ, isControlType } from './event-schemas.js';
import { isPlainBlockMerged } from './plain-block-merged.js';

type AnyEvent = MergeJobEvent | ControlRequest;

const file = { dev: '2049', ino: '18446744073709551615', sizeBytes: 7_168, mtimeNs: '-1764000000123456789' };
const image = {
  path: '/srv/a.vhdx',
  format: 'vhdx',
  type: 'differencing',
  virtualSizeBytes: 2 ** 46,
  blockSizeBytes: 1_048_576,
  logicalSectorSize: 4096,
  identity: '3f2504e0-4f89-11d3-9a0c-0305e82c3301',
  parentIdentity: null,
  writeIdentity: null,
  file,
} as const;
const run = {
  epoch: 2,
  host: 'h',
  pid: 1,
  bootId: 'b',
  engineVersion: '0.1.0',
  windowBytes: 1_048_576,
  fileWriteGuids: { '/a': 'guid' },
};
const error = { kind: 'image-in-use', message: 'm', path: null, related: ['/b'], hresult: 0x80070020 } as const;
const digest = `sha256:${'0f'.repeat(32)}`;

const MAY_BE_ABSENT: readonly unknown[] = ['zeros'];

const EXAMPLES: { readonly [Type in AnyEvent['type']]: Extract<AnyEvent, { type: Type }> } = {
  MergeRequested: {
    type: 'MergeRequested',
    source: '/srv/Zürich.vhdx',
    destination: '/srv/b.vhdx',
    options: {
      verify: 'blocks',
      retire: 'keep',
      reparent: 'auto',
      allowedSiblings: ['/srv/c.vhdx'],
      allowSuperseded: false,
      windowBytes: 67_108_864,
      rateBytesPerSecond: null,
      roots: ['/srv'],
    },
    requester: { user: 'u', host: 'h', pid: 1 },
  },
  MergeRefused: { type: 'MergeRefused', error, returnCode: 32774 },
  ChainAccepted: {
    type: 'ChainAccepted',
    images: [image, image],
    ancestors: [image],
    children: [image],
    siblings: [image],
    blocks: 1,
    bytes: 2,
    newBlocks: 3,
    spaceNeededBytes: 4,
    spaceFreeBytes: 5,
    missingProtection: ['no OFD locks'],
  },
  MergeStarted: { type: 'MergeStarted', run, sourceViewDigest: null },
  LinkPrepared: {
    type: 'LinkPrepared',
    path: '/a',
    before: 'AA==',
    after: 'AQ==',
    oldIdentity: 'one',
    newIdentity: 'two',
  },
  DestinationClaimed: {
    type: 'DestinationClaimed',
    path: '/a',
    oldIdentity: 'one',
    newIdentity: 'two',
    child: { path: '/b', file },
  },
  BlockMerged: {
    type: 'BlockMerged',
    block: 7,
    sectors: {
      runs: [
        [0, 8],
        [16, 4],
      ],
    },
    zeros: { runs: [[16, 4]] },
    bytes: 6144,
    fileOffsetBytes: 4_194_304,
    digest,
    from: [0, 1],
    epoch: 2,
    repair: false,
    totals: { blocks: 3, bytes: 9000, nextBlock: 8 },
  },
  MergeSuspended: { type: 'MergeSuspended', by: 'u', why: 'out-of-space', nextBlock: 4, missingBytes: 5 },
  MergeResumed: { type: 'MergeResumed', run, by: 'u' },
  MergeRecovered: {
    type: 'MergeRecovered',
    run,
    streamSaid: { revision: 9, blocks: 3, bytes: 9000, nextBlock: 8 },
    diskSaid: { destination: file, moved: ['/a'] },
    redoBytesAtMost: 134_217_728,
  },
  MergeTerminated: { type: 'MergeTerminated', by: 'u', why: 'w', nextBlock: 8 },
  JobMoved: { type: 'JobMoved', by: 'u', to: 'sqlite:/j.db' },
  JournalOutageEnded: { type: 'JournalOutageEnded', since: 5, until: 9, attempts: 2, reason: 'r' },
  DestinationFinalized: { type: 'DestinationFinalized', identity: 'i', virtualSizeBytes: 1, file },
  MergeVerified: { type: 'MergeVerified', mode: 'full', blocks: 1, bytes: 2, readFrom: 'device', viewDigest: digest },
  ChildReparented: {
    type: 'ChildReparented',
    step: 'intended',
    path: '/a',
    identity: 'i',
    images: { header: 'AA==', offset: 65_536 },
    file,
  },
  SourceRetired: { type: 'SourceRetired', step: 'done', action: 'quarantine', path: '/a', target: '/a.old', file },
  MergeCompleted: {
    type: 'MergeCompleted',
    blocks: 1,
    bytes: 2,
    elapsedMs: 3.5,
    retire: 'delete',
    source: null,
    destination: file,
  },
  MergeFailed: { type: 'MergeFailed', error, returnCode: 32768, resumable: true, nextStep: 'n' },
  SuspendRequested: { type: 'SuspendRequested', by: 'u', why: 'w' },
  TerminateRequested: { type: 'TerminateRequested', by: 'u', why: 'w' },
};

const examples = Object.values(EXAMPLES);
const codec = new EventJson();
const envelope = numbered('merge-1', 1)[0]!;
/** As it comes out of a store: through text. */
const recorded = (type: string, v: number, data: unknown): RecordedEvent => ({
  ...envelope,
  type,
  v,
  data: JSON.parse(JSON.stringify(data)) as unknown,
});
const decode = (event: RecordedEvent): AnyEvent =>
  isControlType(event.type) ? codec.decodeControlRequest(event) : codec.decodeJobEvent(event);
const dataOf = ({ type: _type, ...data }: AnyEvent): object => data;

/** Objects whose members are data, not fields. */
const isTable = (key: string | undefined, value: unknown): boolean =>
  (key === 'fileWriteGuids' || key === 'images') && !Array.isArray(value);

/** The data of an event, once for each field in it, with a change made there; where `change` says no, there is none. */
const changedEverywhere = (
  event: AnyEvent,
  change: (owner: Record<string, unknown>, key: string) => boolean,
): readonly object[] => {
  const paths: string[][] = [];
  const walk = (at: unknown, path: readonly string[]): void => {
    if (typeof at !== 'object' || at === null || isTable(path.at(-1), at)) return;
    for (const [key, inner] of Object.entries(at)) {
      paths.push([...path, key]);
      walk(inner, [...path, key]);
    }
  };
  walk(dataOf(event), []);
  return paths.flatMap((path) => {
    const copy = JSON.parse(JSON.stringify(dataOf(event))) as Record<string, unknown>;
    const owner = path.slice(0, -1).reduce((at, key) => at[key] as Record<string, unknown>, copy);
    return change(owner, path.at(-1)!) ? [copy] : [];
  });
};

const spoil = (owner: Record<string, unknown>, key: string): boolean => {
  owner[key] = { unexpected: true };
  return true;
};

const remove = (owner: Record<string, unknown>, key: string): boolean =>
  !Array.isArray(owner) && !MAY_BE_ABSENT.includes(key) && delete owner[key];

const addField = (owner: Record<string, unknown>, key: string): boolean => {
  const inner = owner[key];
  if (typeof inner !== 'object' || inner === null || Array.isArray(inner) || isTable(key, inner)) return false;
  (inner as Record<string, unknown>).later = 1;
  return true;
};

describe.each(examples)('the event $type', (event) => {
  test('comes back from JSON as it was', () => {
    const { type, v, data } = codec.encode(event);
    expect({ type, v }).toEqual({ type: event.type, v: 1 });
    expect(decode(recorded(type, v, data))).toEqual(event);
  });

  test('is neither written nor read when any field of it holds another kind of value', () => {
    for (const data of changedEverywhere(event, spoil)) {
      expect(() => codec.encode({ ...data, type: event.type } as AnyEvent)).toThrow(TypeError);
      expect(() => decode(recorded(event.type, 1, data))).toThrow(UnreadableEvent);
    }
  });

  test('is neither written nor read without any of its fields, but for those that may be absent', () => {
    for (const data of changedEverywhere(event, remove)) {
      expect(() => codec.encode({ ...data, type: event.type } as AnyEvent)).toThrow(TypeError);
      expect(() => decode(recorded(event.type, 1, data))).toThrow(UnreadableEvent);
    }
  });

  test('is not written with a field too many, and is read without it', () => {
    for (const data of [{ ...dataOf(event), later: 1 }, ...changedEverywhere(event, addField)]) {
      expect(() => codec.encode({ ...data, type: event.type } as AnyEvent)).toThrow(TypeError);
      expect(decode(recorded(event.type, 1, data))).toEqual(event);
    }
  });

  test('is not read in a version that this release does not know', () => {
    expect(() => decode(recorded(event.type, 2, dataOf(event)))).toThrow(/version 2 .* is unknown/);
    expect(() => decode(recorded(event.type, 0, dataOf(event)))).toThrow(UnreadableEvent);
  });
});

describe('reading events', () => {
  test('names the stream, the revision, the field and what is wrong with it', () => {
    const data = { by: 'u', why: 'bored', nextBlock: 4, missingBytes: null };
    expect(() => decode(recorded('MergeSuspended', 1, data))).toThrow(
      /^Event 0 of stream merge-1 cannot be read: MergeSuspended: why: /,
    );
  });

  test.each(['MergeForgotten', 'SuspendRequested', 'constructor', '__proto__', ''])(
    'a job has no event of type "%s"',
    (type) => expect(() => codec.decodeJobEvent(recorded(type, 1, { by: 'u', why: 'w' }))).toThrow(UnreadableEvent),
  );

  test.each(['MergeTerminated', 'toString'])('a control stream has no request of type "%s"', (type) =>
    expect(() => codec.decodeControlRequest(recorded(type, 1, { by: 'u', why: 'w' }))).toThrow(UnreadableEvent),
  );

  test('the sectors of a block can be a bitmap, and 64 runs at most', () => {
    const block = EXAMPLES.BlockMerged;
    const runs = (count: number) => ({
      ...block,
      sectors: { runs: Array.from({ length: count }, (_, at) => [at * 2, 1] as const) },
    });
    for (const event of [{ ...block, sectors: { bitmap: '/w8=', bits: 16 } }, runs(0), runs(64)]) {
      expect(decode(recorded('BlockMerged', 1, codec.encode(event).data))).toEqual(event);
    }
    for (const sectors of [runs(65).sectors, { bitmap: '!', bits: 16 }, { runs: [[0, 0]] }, { runs: [[-1, 1]] }]) {
      expect(() => decode(recorded('BlockMerged', 1, { ...dataOf(block), sectors }))).toThrow(UnreadableEvent);
    }
  });
});

describe('the short check of a BlockMerged', () => {
  const odd = fc.oneof(
    fc.integer(),
    fc.double(),
    fc.string(),
    fc.boolean(),
    fc.constantFrom(
      null,
      [],
      {},
      digest,
      2 ** 53,
      '0',
      [[0, 1]],
      [[1, 0]],
      [[0, 1, 2]],
      { runs: [] },
      { runs: [[0, 1]], bits: 1 },
    ),
  );
  const { type: _type, zeros: _zeros, ...sound } = EXAMPLES.BlockMerged;

  property.prop(
    {
      changes: fc.dictionary(fc.constantFrom(...Object.keys(sound), 'zeros', 'later'), odd, { maxKeys: 3 }),
      totals: fc.dictionary(fc.constantFrom('blocks', 'bytes', 'nextBlock', 'later'), odd, { maxKeys: 2 }),
    },
    { numRuns: 3000 },
  )('accepts nothing that the schema refuses, and reads the same', ({ changes, totals }) => {
    const data: unknown = JSON.parse(
      JSON.stringify({ ...sound, totals: { ...EXAMPLES.BlockMerged.totals, ...totals }, ...changes }),
    );
    const bySchema = READ.BlockMerged.safeParse(data);
    if (!isPlainBlockMerged(data)) return;
    expect(bySchema.success).toBe(true);
    expect(decode(recorded('BlockMerged', 1, data))).toEqual({ type: 'BlockMerged', ...bySchema.data });
  });

  test('accepts the usual event: else a million of them would take the long way', () => {
    expect(isPlainBlockMerged(sound)).toBe(true);
  });
});
